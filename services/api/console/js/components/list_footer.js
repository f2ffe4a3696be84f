// The end of a list: loading, failed with a retry button, empty, or cut off at its maximum.

import { fill, h } from "./dom.js";
import { displayError } from "../network/errors.js";
import { emptyState } from "./widgets.js";

/** Fills `footer` for a pagedList; `emptyArguments`: [drawing, title, text] of the empty state. */
export function drawListFooter(footer, list, emptyArguments) {
  const state = list.state();
  const count = list.records().length;
  footer.setAttribute("aria-busy", String(state === "loading"));
  if (state === "failed") return void fill(footer, failureBox(list.problem(), list.retry));
  if (state === "ready" && list.isFull()) return void fill(footer, h("p", { class: "muted pad" }, `The first ${count} are listed. Search to find others.`));
  if (state !== "ready") return void fill(footer, h("p", { class: "muted pad" }, count ? "" : "Loading…"));
  fill(footer, count || !list.isComplete() || !emptyArguments ? null : emptyState(...emptyArguments));
}

export const failureBox = (problem, retry) => h("div", { class: "list-failure" },
  h("p", { class: "error box", role: "alert" }, displayError(problem).message),
  h("button", { class: "button small", type: "button", "data-key": "retry", onclick: retry }, "Try again"));
