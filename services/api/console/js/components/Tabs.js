// Tabs: one of several views of the same list.

import { html } from "../rendering.js";
import { formatNumber } from "../language.js";

/** `items`: [{key, label, count?}]; arrow keys move between them. */
export function Tabs({ label, items, current, onSelect }) {
  function onKeyDown(event) {
    const at = items.findIndex((item) => item.key === current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (!items[to]) return;
    event.preventDefault();
    onSelect(items[to].key);
    event.currentTarget.querySelectorAll('[role="tab"]')[to].focus();
  }
  return html`
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${onKeyDown}>
      ${items.map(({ key, label: text, count }) => html`
        <button key=${key} class="tab" type="button" role="tab" data-tab=${key} aria-selected=${String(key === current)} tabindex=${key === current ? 0 : -1} onClick=${() => onSelect(key)}>
          ${text}${count ? html` <span class="tab-count">${formatNumber(count)}</span>` : null}
        </button>
      `)}
    </div>
  `;
}
