// A button that opens a menu; arrow keys and first letters move in it.

import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../rendering.js";
import { Icon } from "./Icon.js";

const GAP_PX = 4;
const WINDOW_MARGIN_PX = 8;

/** Puts `items` below its button, or above when there is more room; always inside the window. */
function place(items, button, align) {
  const at = button.getBoundingClientRect();
  const below = innerHeight - at.bottom >= items.offsetHeight + GAP_PX + WINDOW_MARGIN_PX || at.top < innerHeight - at.bottom;
  const isRight = (align === "end") === (getComputedStyle(button).direction === "ltr");
  const left = isRight ? at.right - items.offsetWidth : at.left;
  const top = below ? at.bottom + GAP_PX : at.top - GAP_PX - items.offsetHeight;
  const inside = (value, size, limit) => Math.max(WINDOW_MARGIN_PX, Math.min(value, limit - size - WINDOW_MARGIN_PX));
  items.style.left = `${inside(left, items.offsetWidth, document.documentElement.clientWidth)}px`;
  items.style.top = `${inside(top, items.offsetHeight, innerHeight)}px`;
}

/** Closes on a press elsewhere, and when the button moves away from the menu. */
function useClosing(isOpen, root, close) {
  useEffect(() => {
    if (!isOpen) return undefined;
    const stop = new AbortController();
    const elsewhere = (event) => { if (!root.current.contains(event.target)) close(); };
    document.addEventListener("pointerdown", elsewhere, { signal: stop.signal });
    document.addEventListener("scroll", elsewhere, { signal: stop.signal, capture: true });
    addEventListener("resize", close, { signal: stop.signal });
    return () => stop.abort();
  }, [isOpen]);
}

const step = (key, at, count) => ({ ArrowDown: (at + 1) % count, ArrowUp: (at - 1 + count) % count, Home: 0, End: count - 1 })[key];

/** `items`: [{label, icon?, onSelect, danger?, disabled?, checked?}]; `children`: what the button shows, else an icon; `align`: "start" or "end". */
export function Menu({ label, icon = "more", items, children = null, class: className = "", align = "end" }) {
  const [opened, setOpened] = useState(null); // "first" or "last": the item that gets the focus
  const root = useRef(null);
  const id = useId();
  const button = () => root.current.querySelector("button");
  const entries = () => [...root.current.querySelectorAll('[role^="menuitem"]:not([aria-disabled="true"])')];
  const close = () => setOpened(null);
  const leave = () => {
    close();
    button().focus();
  };

  useLayoutEffect(() => {
    if (!opened) return;
    const list = root.current.querySelector('[role="menu"]');
    list.showPopover?.(); // above everything, and cut off by nothing
    place(list, button(), align);
    entries().at(opened === "last" ? -1 : 0)?.focus({ preventScroll: true });
  }, [opened]);
  useClosing(Boolean(opened), root, close);

  function onKeyDown(event) {
    const { key } = event;
    if (!opened) {
      if (key !== "ArrowDown" && key !== "ArrowUp") return;
      event.preventDefault();
      return void setOpened(key === "ArrowUp" ? "last" : "first");
    }
    const all = entries();
    const at = all.indexOf(document.activeElement);
    const to = step(key, at, all.length);
    if (to !== undefined) {
      event.preventDefault();
      all[to]?.focus();
    } else if (key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave();
    } else if (key === "Tab") close();
    else if (key.length === 1 && key !== " ") {
      const isNamed = (entry) => entry.textContent.trim().toLocaleLowerCase().startsWith(key.toLocaleLowerCase());
      [...all.slice(at + 1), ...all.slice(0, at + 1)].find(isNamed)?.focus();
    }
  }

  const select = (item) => {
    if (item.disabled) return;
    leave();
    item.onSelect();
  };
  return html`
    <div class=${`menu ${className}`} ref=${root} onKeyDown=${onKeyDown}>
      <button class=${`button quiet ${children ? "" : "icon-only"}`} type="button" aria-haspopup="menu" aria-expanded=${String(Boolean(opened))} aria-controls=${opened ? id : null} aria-label=${children ? null : label} title=${label} onClick=${() => setOpened(opened ? null : "first")}>
        ${children ? html`<span class="visually-hidden">${label}:${" "}</span>${children}` : html`<${Icon} name=${icon} />`}
      </button>
      ${opened && html`
        <div class="menu-items" role="menu" id=${id} aria-label=${label} popover="manual">
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
