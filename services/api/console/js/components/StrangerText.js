// Text that a stranger wrote: in its own direction, and broken wherever it must be.

import { html } from "../rendering.js";

/** `as`: the element. */
export function StrangerText({ text, as: Element = "span", class: className = "", ...rest }) {
  return html`<${Element} dir="auto" class=${`stranger ${className}`} ...${rest}>${text}</${Element}>`;
}
