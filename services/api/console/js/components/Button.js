// Buttons, and links that look like buttons.

import { html } from "../rendering.js";
import { Icon } from "./Icon.js";

const CLASSES = { primary: "primary", secondary: "", quiet: "quiet", danger: "danger solid" };

/**
 * `variant`: "primary", "secondary", "quiet" or "danger"; `size`: "small"; `icon`: name. `busy`: the work runs; the button keeps the
 * focus and ignores clicks. With `href` it is a link.
 */
export function Button({ variant = "secondary", size = null, icon = null, busy = false, disabled = false, href = null, type = "button", onClick, class: className = "", children, ...rest }) {
  const classes = ["button", CLASSES[variant], size, className].filter(Boolean).join(" ");
  const content = html`${icon && html`<${Icon} name=${icon} />`}${children}`;
  if (href) return html`<a class=${classes} href=${href} onClick=${onClick} ...${rest}>${content}</a>`;
  const click = (event) => {
    if (busy) event.preventDefault();
    else onClick?.(event);
  };
  return html`<button class=${classes} type=${type} disabled=${disabled} aria-busy=${busy ? "true" : null} onClick=${click} ...${rest}>${content}</button>`;
}

/** A button that shows only an icon; `label` is its name and its tooltip. */
export function IconButton({ icon, label, variant = "quiet", class: className = "", ...rest }) {
  return html`<${Button} variant=${variant} class=${`icon-only ${className}`} aria-label=${label} title=${label} icon=${icon} ...${rest} />`;
}
