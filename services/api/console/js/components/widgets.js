// Parts that several views use: toasts, dialogs, fields, avatars.

import { fill, h } from "./dom.js";
import { initials } from "../formats.js";
import { hueOf } from "./Avatar.js";
import { toast as showToast } from "./Toast.js";
import { displayError } from "../network/errors.js";

/** A short line at the bottom of the window; screen readers read it out. */
export const toast = (text, tone = "") => showToast(text, { tone });

export const avatar = (name) => h("span", { class: `avatar hue-${hueOf(name)}`, "aria-hidden": "true" }, initials(name));

/** A labelled input with a place for its error. → {element, input, fail(text)} */
export function field(id, label, props, hint) {
  const error = h("p", { class: "error", id: `${id}-error`, role: "alert" });
  const input = h("input", { class: "input", id, name: id, "aria-describedby": `${id}-error`, ...props });
  const fail = (text) => {
    error.textContent = text ?? "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => fail(""));
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, hint && h("p", { class: "hint" }, hint), error);
  return { element, input, fail };
}

/** Shows an ApiError: field errors beside their fields, others in `general`. */
export function showProblem(problem, fields, general) {
  let placed = false;
  for (const [name, entry] of Object.entries(fields)) {
    const text = problem.fields?.[name] ?? (problem.code === "invalid_phone" && name === "phone_number" ? problem.message : "");
    entry.fail(text);
    placed ||= Boolean(text);
  }
  if (placed) Object.values(fields).find((entry) => entry.input.getAttribute("aria-invalid"))?.input.focus();
  general.textContent = placed ? "" : problem.message;
}

/** Disables a button while its work runs; `onError(problem)` gets an error whose `message` may be shown. */
export async function busy(button, work, onError) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } catch (problem) {
    onError(displayError(problem));
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

/**
 * A modal form. `fields`: {name: {label, ...input attributes, hint}}; `submit(values)` may throw an ApiError, which is
 * shown inside; the dialog closes when it returns.
 */
export function ask({ title, text, fields = {}, action, danger = false, submit }) {
  const made = Object.fromEntries(Object.entries(fields).map(([name, { label, hint, ...props }]) => [name, field(name, label, props, hint)]));
  const general = h("p", { class: "error box", role: "alert" });
  const confirm = h("button", { class: `button ${danger ? "danger solid" : "primary"}`, type: "submit" }, action);
  const cancel = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { novalidate: true, onsubmit });
  const dialog = h("dialog", { "aria-label": title }, form);
  fill(form, h("h2", null, title), text && h("p", { class: "muted" }, text), ...Object.values(made).map((entry) => entry.element), general, h("div", { class: "actions" }, cancel, confirm));

  function onsubmit(event) {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(made).map(([name, { input }]) => [name, input.type === "password" ? input.value : input.value.trim()]));
    general.textContent = "";
    busy(confirm, async () => {
      await submit(values);
      dialog.close();
    }, (problem) => showProblem(problem, made, general));
  }
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  (Object.values(made)[0]?.input ?? confirm).focus();
}
