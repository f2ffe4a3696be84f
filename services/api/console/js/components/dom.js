// Elements are built from values, never from markup, so text of strangers cannot become markup.

import { ICON_PATHS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/** h("button", {class: "x", onclick, "aria-label": "…", hidden: false}, "text", node, null) → element */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, entry] of Object.entries(value)) element.style.setProperty(key, entry);
  else if (name === "value") element.value = value;
  else element.setAttribute(name, value === true ? "" : value);
}

const PATHS = { ...ICON_PATHS, accounts: ICON_PATHS.phone, contacts: ICON_PATHS.people, note: ICON_PATHS.notes, down: ICON_PATHS["arrow-down"] };

/** A line drawing; hidden from screen readers unless it has a label. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** Replaces the children of a node; the focus stays on the element with the same data-key. */
export function fill(node, ...children) {
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  node.replaceChildren(...children.flat().filter(Boolean));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  return node;
}

/** Makes `elements` the children of a node and touches only what changed, so that scroll position, focus and announcements
 * stay. The child with the focus is not moved, which would take the focus from it; the others are put around it. */
export function arrange(node, elements) {
  const remaining = new Set(elements);
  for (const child of [...node.children]) if (!remaining.has(child)) child.remove();
  const focusedIndex = elements.findIndex((element) => element.parentNode === node && element.contains(document.activeElement));
  for (let at = focusedIndex - 1; at >= 0; at -= 1) {
    if (elements[at].nextElementSibling !== elements[at + 1]) node.insertBefore(elements[at], elements[at + 1]);
  }
  for (let at = focusedIndex + 1; at < elements.length; at += 1) {
    const next = at ? elements[at - 1].nextElementSibling : node.firstElementChild;
    if (next !== elements[at]) node.insertBefore(elements[at], next);
  }
}
