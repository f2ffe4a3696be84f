// The end of the list of conversations: loading, failed with a retry button, empty, or cut off at its maximum.

import { EmptyState, ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { html } from "../../rendering.js";
import { counts } from "../../store/signals.js";

function contentOf(list, empty) {
  const count = list.records().length;
  const state = list.state();
  if (state === "failed") return html`<${ErrorState} problem=${displayError(list.problem())} onRetry=${list.retry} />`;
  if (state === "ready" && list.isFull()) return html`<p class="muted pad">${t("inbox.cutOff", { n: count })}</p>`;
  if (state !== "ready") return count ? null : html`<${SkeletonRows} kind="conversation" count=${8} />`;
  return count || !list.isComplete() ? null : empty();
}

function emptyView(view) {
  const found = counts.value.conversations;
  if (found && !(found.open ?? 0) && !(found.closed ?? 0)) return html`<${EmptyState} icon="inbox" title=${t("inbox.noneYet")} text=${t("inbox.noneYetText")} />`;
  return html`<${EmptyState} icon="check" title=${t("inbox.nothingHere")} text=${t("inbox.nothingInView", { view: t(`inbox.view.${view}`) })} />`;
}

function searchContent({ results, messages }) {
  const last = messages.isActive() ? messages : results;
  const pending = last.state() !== "ready" ? last : results.state() === "loading" ? results : null;
  if (pending) return contentOf(pending, () => null);
  if (results.records().length || messages.records().length) return null;
  return html`<${EmptyState} icon="search" title=${t("inbox.nothingFound")} text=${t("inbox.nothingFoundText")} />`;
}

export function ListFooter({ conversations, search, view }) {
  const isLoading = (search.text ? search.results : conversations).state() === "loading";
  return html`
    <div class="list-footer" aria-busy=${String(isLoading)}>
      ${search.text ? searchContent(search) : contentOf(conversations, () => emptyView(view))}
    </div>
  `;
}
