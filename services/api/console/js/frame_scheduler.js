// Drawing: at most once per frame, however many events come.

/** `draw` once before the next frame is painted. → schedule(), with schedule.cancel() */
export function perFrame(draw) {
  let asked = 0;
  const run = () => {
    asked = 0;
    draw();
  };
  const schedule = () => { asked ||= requestAnimationFrame(run); };
  schedule.cancel = () => {
    cancelAnimationFrame(asked);
    asked = 0;
  };
  return schedule;
}
