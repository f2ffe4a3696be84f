// Parts that give a page its order.

import { t } from "../language.js";
import { html } from "../rendering.js";
import { IconButton } from "./Button.js";
import { Icon } from "./Icon.js";

/** `back`: address of the page above this one. */
export function PageHeader({ title, subtitle = null, actions = null, back = null }) {
  return html`
    <header class="page-head">
      ${back && html`<${IconButton} icon="back" href=${back} label=${t("common.back")} class="back" />`}
      <div class="title"><h1>${title}</h1>${subtitle && html`<p class="muted">${subtitle}</p>`}</div>
      ${actions && html`<div class="tools">${actions}</div>`}
    </header>
  `;
}

export function Card({ title = null, actions = null, children, class: className = "", ...rest }) {
  return html`
    <section class=${`card ${className}`} aria-label=${title} ...${rest}>
      ${title && html`<header class="card-head"><h2>${title}</h2>${actions}</header>`}
      ${children}
    </section>
  `;
}

/** A line above the content. `tone`: "waiting", "bad" or "info"; `action`: a button. */
export function Banner({ tone = "info", icon = "alert", children, action = null, class: className = "", ...rest }) {
  return html`<div class=${`banner ${tone} ${className}`} role="status" ...${rest}><${Icon} name=${icon} /><span class="banner-text">${children}</span>${action}</div>`;
}

/** A key of the keyboard. */
export const Kbd = ({ children }) => html`<kbd class="kbd">${children}</kbd>`;
