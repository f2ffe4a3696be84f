// A moment, in the user's language and the organization's time zone.

import { formatClock, formatDate, formatDateTime, formatWhen } from "../formats.js";
import { html } from "../rendering.js";

const FORMATS = { clock: formatClock, date: formatDate, dateTime: formatDateTime, when: formatWhen };

/** `at`: ISO text; `format`: "when" (short, for lists), "clock", "date" or "dateTime". */
export function Time({ at, format = "when", ...rest }) {
  if (!at) return null;
  return html`<time datetime=${at} title=${formatDateTime(at)} ...${rest}>${FORMATS[format](at)}</time>`;
}
