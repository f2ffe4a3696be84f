// What a page shows instead of content: nothing there, not loaded yet, not possible now.

import { t } from "../language.js";
import { html, useEffect, useState } from "../rendering.js";
import { Button } from "./Button.js";
import { Icon } from "./Icon.js";

/** Nothing is here, and what to do about it. */
export function EmptyState({ icon, title, text = null, children = null }) {
  return html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2>${text && html`<p>${text}</p>`}${children}</div>`;
}

/** A request failed; `problem.message` says why. */
export function ErrorState({ problem, onRetry = null }) {
  return html`
    <div class="list-failure">
      <p class="error box" role="alert">${problem.message}</p>
      ${onRetry && html`<${Button} size="small" onClick=${onRetry}>${t("common.retry")}</${Button}>`}
    </div>
  `;
}

/** A quick answer shows no skeleton, which would only flicker. */
const SKELETON_DELAY_MS = 150;

/** Grey shapes where content will be. `kind`: "conversation", "message", "row" or "card". */
export function SkeletonRows({ count = 5, kind = "row" }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SKELETON_DELAY_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`
    <div class=${`skeletons kind-${kind} ${isShown ? "shown" : ""}`} aria-busy="true">
      <span class="visually-hidden" role="status">${t("common.loading")}</span>
      ${Array.from({ length: count }, (_, at) => html`<div key=${at} class="skeleton" aria-hidden="true"><span /><span /></div>`)}
    </div>
  `;
}
