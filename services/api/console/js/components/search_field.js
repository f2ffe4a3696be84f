// A search field that searches when typing pauses.

import { h, icon } from "./dom.js";

const DEBOUNCE_MS = 250;

/** `ask()` is called when text() changed. → {element, text(), close} */
export function searchField(placeholder, label, ask) {
  let timer = null;
  let text = "";
  const input = h("input", { class: "input", type: "search", placeholder, "aria-label": label, maxlength: 100, oninput: typed, onkeydown });
  const element = h("div", { class: "search" }, icon("search"), input);

  function settle() {
    clearTimeout(timer);
    const next = input.value.trim();
    if (next === text) return;
    text = next;
    ask();
  }

  function typed() {
    clearTimeout(timer);
    if (input.value.trim()) timer = setTimeout(settle, DEBOUNCE_MS);
    else settle();
  }

  function onkeydown(event) {
    if (event.key === "Enter") settle();
    if (event.key !== "Escape") return;
    input.value = "";
    settle();
  }

  return { element, text: () => text, close: () => clearTimeout(timer) };
}
