// Scrolling of the message log: to its end, or kept at the message that is being read.

const NEAR_END_PX = 80;

/** `log` is the scrolling element, `lines` contains the messages; `onScroll()`. → {atEnd, toEnd, keepInPlace} */
export function scrolling(log, lines, onScroll) {
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
  log.addEventListener("scroll", onScroll, { passive: true });

  /** Changes the lines while the first visible message stays in place; separators may move. */
  function keepInPlace(change) {
    const top = log.getBoundingClientRect().top;
    const first = [...lines.children].find((line) => line.dataset.id && line.getBoundingClientRect().bottom > top);
    const before = first?.getBoundingClientRect().top;
    change();
    if (first?.isConnected) log.scrollTop += first.getBoundingClientRect().top - before;
  }

  return { atEnd, keepInPlace, toEnd: () => { log.scrollTop = log.scrollHeight; } };
}
