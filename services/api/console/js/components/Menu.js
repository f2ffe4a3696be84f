// A button that opens a menu; arrow keys move in it.

import { html, useEffect, useId, useRef, useState } from "../rendering.js";
import { Icon } from "./Icon.js";

/** `items`: [{label, icon?, onSelect, danger?, disabled?, checked?}]; `children`: what the button shows, else an icon. */
export function Menu({ label, icon = "more", items, children = null, class: className = "", align = "end" }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef(null);
  const id = useId();
  const entries = () => [...root.current.querySelectorAll('[role^="menuitem"]:not([aria-disabled="true"])')];
  const close = (focus = true) => {
    setOpen(false);
    if (focus) root.current.querySelector("button").focus();
  };

  useEffect(() => {
    if (!isOpen) return undefined;
    entries()[0]?.focus();
    const onPress = (event) => { if (!root.current.contains(event.target)) close(false); };
    document.addEventListener("pointerdown", onPress);
    return () => document.removeEventListener("pointerdown", onPress);
  }, [isOpen]);

  function onKeyDown(event) {
    if (!isOpen) return void (event.key === "ArrowDown" && (event.preventDefault(), setOpen(true)));
    const all = entries();
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[to]?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") close(false);
  }

  const select = (item) => {
    if (item.disabled) return;
    close();
    item.onSelect();
  };
  return html`
    <div class=${`menu ${className}`} ref=${root} onKeyDown=${onKeyDown}>
      <button class=${`button quiet ${children ? "" : "icon-only"}`} type="button" aria-haspopup="menu" aria-expanded=${String(isOpen)} aria-controls=${isOpen ? id : null} aria-label=${label} title=${label} onClick=${() => setOpen(!isOpen)}>
        ${children ?? html`<${Icon} name=${icon} />`}
      </button>
      ${isOpen && html`
        <div class=${`menu-items ${align}`} role="menu" id=${id} aria-label=${label}>
          ${items.map((item) => html`
            <button key=${item.label} type="button" tabindex="-1" class=${`menu-item ${item.danger ? "danger" : ""}`} role=${item.checked === undefined ? "menuitem" : "menuitemradio"} aria-checked=${item.checked === undefined ? null : String(item.checked)} aria-disabled=${item.disabled ? "true" : null} onClick=${() => select(item)}>
              ${item.icon && html`<${Icon} name=${item.icon} />`}<span>${item.label}</span>${item.checked && html`<${Icon} name="check" />`}
            </button>
          `)}
        </div>
      `}
    </div>
  `;
}
