// A line icon.

import { html } from "../rendering.js";
import { ICON_PATHS } from "./icons.js";

/** `name`: of ICON_PATHS. Hidden from screen readers unless it has a `label`. */
export function Icon({ name, label = null }) {
  return html`
    <svg class="icon" viewBox="0 0 24 24" role=${label ? "img" : null} aria-label=${label} aria-hidden=${label ? null : "true"} focusable="false">
      <path d=${ICON_PATHS[name]} />
    </svg>
  `;
}
