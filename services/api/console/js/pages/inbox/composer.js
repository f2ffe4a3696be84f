// The message field: Enter sends, Shift+Enter breaks the line, Esc leaves the field.

import { fill, h, icon } from "../../components/dom.js";

const MAX_CHARACTERS = 4096;

/** `send(text)`; `inputChanged(hasText)`; `draftChanged(text)`. → {element, focus(), warn(text, link)} */
export function composer(send, inputChanged, { draft = "", draftChanged }) {
  const error = h("p", { class: "error", id: "composer-error", role: "alert" });
  const warning = h("p", { class: "composer-warning", role: "status", hidden: true });
  const input = h("textarea", { class: "input", rows: 1, placeholder: "Write a message", "aria-label": "Write a message", "aria-describedby": "composer-error composer-hint", oninput: () => { changed(); draftChanged(input.value); inputChanged(input.value.trim() !== ""); }, onkeydown });
  const button = h("button", { class: "button primary icon-only", type: "submit", "aria-label": "Send", disabled: true }, icon("send"));
  const element = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); submit(); } },
    warning, error, h("div", { class: "composer-row" }, input, button), h("p", { class: "visually-hidden", id: "composer-hint" }, "Enter sends, Shift and Enter starts a new line."));

  function changed() {
    const length = input.value.trim().length;
    const excess = [...input.value.trim()].length - MAX_CHARACTERS;
    button.disabled = length === 0 || excess > 0;
    error.textContent = excess > 0 ? `The text is ${excess} characters too long; ${MAX_CHARACTERS} are possible.` : "";
    input.style.setProperty("height", "auto");
    input.style.setProperty("height", `${Math.min(input.scrollHeight + 2, 180)}px`);
  }

  function onkeydown(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      input.blur();
      inputChanged(false);
    }
  }

  function submit() {
    if (button.disabled) return;
    const text = input.value.trim();
    input.value = "";
    changed();
    draftChanged("");
    inputChanged(false);
    send(text);
    input.focus();
  }

  function warn(text, link) {
    warning.hidden = !text;
    fill(warning, text && document.createTextNode(text), link && h("a", { href: link }, "See the account"));
  }

  input.value = draft;
  requestAnimationFrame(changed); // its height can be measured only once it is in the page
  return { element, warn, focus: () => input.focus({ preventScroll: true }) };
}
