// Delays work while a pointer presses something in an element, so that nothing moves under a finger.

/** → {delays(work): whether `work` is kept until the pointer is released (only the newest is), close} */
export function pressGuard(element) {
  let isPressed = false;
  let pending = null;

  function onRelease() {
    if (!isPressed) return;
    isPressed = false;
    requestAnimationFrame(() => { // after the click
      if (!pending || isPressed) return;
      const work = pending;
      pending = null;
      work();
    });
  }

  const onPress = () => { isPressed = true; };
  const released = ["pointerup", "pointercancel"];
  element.addEventListener("pointerdown", onPress);
  for (const name of released) addEventListener(name, onRelease);
  return {
    delays(work) {
      if (isPressed) pending = work;
      return isPressed;
    },
    close() {
      element.removeEventListener("pointerdown", onPress);
      for (const name of released) removeEventListener(name, onRelease);
    },
  };
}
