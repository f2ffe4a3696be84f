// Elements are built from values, never from markup, so text of strangers cannot become markup.

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

const PATHS = {
  accounts: "M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM11 18h2",
  inbox: "M4 5h16v11H9l-5 4z",
  bookings: "M5 6h14v14H5zM5 10h14M9 3v4M15 3v4M9 15l2 2 4-4",
  contacts: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.3 2.7-6 6-6s6 2.7 6 6M16 4.5a3.5 3.5 0 0 1 0 6M18 14.5c1.8 1 3 3 3 5.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  plus: "M12 5v14M5 12h14",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  down: "M12 5v14M5 12l7 7 7-7",
  back: "M15 5l-7 7 7 7",
  send: "M4 12l16-8-6 16-3-7z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.500 17.5L5 19",
  moon: "M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500z",
  logout: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
  key: "M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM11 12l8-8M16 7l3 3",
  close: "M6 6l12 12M18 6L6 18",
  phone: "M8 3h8a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM10 6h4",
  play: "M8 5l11 7-11 7z",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
  check: "M5 12.500l4.500 4.500L19 7.500",
  checks: "M2 12.500l4.500 4.500L16 7.500M11 16l1 1L21.500 7.500",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 8v4l3 2",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  notes: "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5",
  note: "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h5",
};

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
