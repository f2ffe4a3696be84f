// Short lines that appear at the bottom of the window and leave by themselves.

import { t } from "../language.js";
import { html, signal, useEffect, useLayoutEffect, useRef, useState } from "../rendering.js";
import { IconButton } from "./Button.js";

const SHOWN_MS = 4000;
const ERROR_SHOWN_MS = 8000;
const MAX_TOASTS = 4;

const toasts = signal([]);
let lastKey = 0;

const drop = (key) => { toasts.value = toasts.value.filter((toast) => toast.key !== key); };

/** `tone`: "bad" for an error; `action`: {label, run}. → a function that removes the line */
export function toast(text, { tone = "", action = null } = {}) {
  lastKey += 1;
  const key = lastKey;
  toasts.value = [...toasts.value, { key, text, tone, action }].slice(-MAX_TOASTS);
  return () => drop(key);
}

function Toast({ entry }) {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return undefined;
    const timer = setTimeout(() => drop(entry.key), entry.tone === "bad" || entry.action ? ERROR_SHOWN_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isHeld]);
  const hold = () => setHeld(true);
  const release = () => setHeld(false);
  return html`
    <div class=${`toast ${entry.tone}`} role=${entry.tone === "bad" ? "alert" : null} onMouseEnter=${hold} onMouseLeave=${release} onFocusIn=${hold} onFocusOut=${release}>
      <span>${entry.text}</span>
      ${entry.action && html`<button class="link" type="button" onClick=${() => { drop(entry.key); entry.action.run(); }}>${entry.action.label}</button>`}
      <${IconButton} icon="close" label=${t("common.close")} onClick=${() => drop(entry.key)} />
    </div>
  `;
}

/** Where toast() shows its lines; once in the page. They are above everything, also above dialogs that are open already. */
export function Toasts() {
  const element = useRef(null);
  const entries = toasts.value;
  useLayoutEffect(() => {
    const { current } = element;
    if (!current.showPopover) return; // an older browser shows them below dialogs
    if (current.matches(":popover-open") && document.querySelector("dialog[open]")) current.hidePopover();
    if (!current.matches(":popover-open")) current.showPopover();
  }, [entries.at(-1)?.key]);
  return html`<div class="toasts" role="status" aria-live="polite" popover="manual" ref=${element}>${entries.map((entry) => html`<${Toast} key=${entry.key} entry=${entry} />`)}</div>`;
}
