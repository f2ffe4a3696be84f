// One state of a component with its name.

import { html } from "../rendering.js";

/** `block`: the component has the whole width. */
export function State({ name, block = false, class: className = "", children }) {
  return html`<div class="gallery-state"><p>${name}</p><div class=${`gallery-shown ${block ? "block" : ""} ${className}`}>${children}</div></div>`;
}

export const doNothing = () => {};
