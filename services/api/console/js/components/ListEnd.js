// The end of a paged list: loading, failed with a retry button, empty, or cut off at its maximum.

import { t } from "../language.js";
import { displayError } from "../network/errors.js";
import { html } from "../rendering.js";
import { ErrorState, SkeletonRows } from "./placeholders.js";

function contentOf(list, empty, kind) {
  const count = list.records().length;
  const state = list.state();
  if (state === "failed") return html`<${ErrorState} problem=${displayError(list.problem())} onRetry=${list.retry} />`;
  if (state === "ready" && list.isFull()) return html`<p class="muted pad">${t("components.listCutOff", { n: count })}</p>`;
  if (state !== "ready") return count ? null : html`<${SkeletonRows} kind=${kind} count=${8} />`;
  return count || !list.isComplete() ? null : empty;
}

/** `list`: of usePagedList(); `empty`: what is shown when it has no record. */
export function ListEnd({ list, empty = null, kind = "row" }) {
  return html`<div class="list-footer" aria-busy=${String(list.state() === "loading")}>${contentOf(list, empty, kind)}</div>`;
}
