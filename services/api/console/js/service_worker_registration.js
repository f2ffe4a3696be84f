// Registers the service worker, which opens the console when the server cannot be reached.

import { whenIdle } from "./idle.js";

const register = () => navigator.serviceWorker.register("/service-worker.js").catch(() => {}); // the console works without it

/** Once the page has been loaded; does nothing in a browser without service workers, or on a page without https. */
export function registerServiceWorker() {
  if (!("serviceWorker" in navigator)) return;
  if (document.readyState === "complete") whenIdle(register);
  else addEventListener("load", () => whenIdle(register), { once: true });
}
