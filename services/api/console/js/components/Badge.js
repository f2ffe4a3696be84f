// Small marks: a state in words, or a number.

import { html } from "../rendering.js";
import { formatNumber } from "../language.js";

const MAX_SHOWN_COUNT = 99;

/** `tone`: "ok", "waiting", "bad", "info" or null (grey). */
export function Badge({ tone = null, children, ...rest }) {
  return html`<span class=${`badge ${tone ?? ""}`} ...${rest}>${children}</span>`;
}

/** A number with its meaning for screen readers in `label`; nothing for 0. */
export function CountBadge({ count, label, tone = "", class: className = "" }) {
  if (!count) return null;
  return html`<span class=${`count-badge ${tone} ${className}`} role="img" aria-label=${label}>${count > MAX_SHOWN_COUNT ? `${MAX_SHOWN_COUNT}+` : formatNumber(count)}</span>`;
}
