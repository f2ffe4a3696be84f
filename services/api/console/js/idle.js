// Work that may wait until the page has been shown and the browser has nothing else to do.

const MAX_DELAY_MS = 3_000;

/** Calls `work` once, after the first paint. */
export function whenIdle(work) {
  const request = () => (globalThis.requestIdleCallback ? requestIdleCallback(() => work(), { timeout: MAX_DELAY_MS }) : setTimeout(work, 200));
  requestAnimationFrame(() => setTimeout(request));
}
