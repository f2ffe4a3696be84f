// Draws at most once per frame, however many events come.

/** Runs `draw` once before the next frame. → schedule(), with schedule.cancel() */
export function oncePerFrame(draw) {
  let frameId = 0;
  const run = () => {
    frameId = 0;
    draw();
  };
  const schedule = () => { frameId ||= requestAnimationFrame(run); };
  schedule.cancel = () => {
    cancelAnimationFrame(frameId);
    frameId = 0;
  };
  return schedule;
}
