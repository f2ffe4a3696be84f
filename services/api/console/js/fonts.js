// The font Inter. The system's font is shown until it has arrived.

import { whenIdle } from "./idle.js";

const STYLESHEET = new URL("../css/fonts.css", import.meta.url).href;
const LATIN_FONT = new URL("../fonts/inter-latin-wght-normal.woff2", import.meta.url).href;
let requested = false;

const addLink = (attributes) => document.head.append(Object.assign(document.createElement("link"), attributes));

/** Loads the font after the first paint; to be called after the login, because the login page has to be small. */
export function loadFonts() {
  if (requested) return;
  requested = true;
  whenIdle(() => {
    addLink({ rel: "preload", as: "font", type: "font/woff2", crossOrigin: "anonymous", href: LATIN_FONT });
    addLink({ rel: "stylesheet", href: STYLESHEET });
  });
}
