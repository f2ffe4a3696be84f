// What a list says at its end: that it loads, that it failed and can be tried again, that there is nothing, or too much.

import { fill, h } from "./dom.js";
import { forPeople } from "./errors.js";
import { empty } from "./widgets.js";

/** Fills `note` for a pagedList; `nothing`: [drawing, title, text] of an empty one. */
export function drawNote(note, list, nothing) {
  const state = list.state();
  const count = list.records().length;
  note.setAttribute("aria-busy", String(state === "loading"));
  if (state === "failed") return void fill(note, failure(list.problem(), list.retry));
  if (state === "ready" && list.isFull()) return void fill(note, h("p", { class: "muted pad" }, `The first ${count} are listed. Search to find others.`));
  if (state !== "ready") return void fill(note, h("p", { class: "muted pad" }, count ? "" : "Loading…"));
  fill(note, count || !list.isComplete() || !nothing ? null : empty(...nothing));
}

export const failure = (problem, retry) => h("div", { class: "list-failure" },
  h("p", { class: "error box", role: "alert" }, forPeople(problem).message),
  h("button", { class: "button small", type: "button", "data-key": "retry", onclick: retry }, "Try again"));
