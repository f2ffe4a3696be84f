// One message as a bubble.

import { Icon } from "../../components/Icon.js";
import { formatClock, formatDateTime } from "../../formats.js";
import { t } from "../../language.js";
import { summary } from "../../message_summary.js";
import { sendFailureText } from "../../network/errors.js";
import { can } from "../../network/session.js";
import { html } from "../../rendering.js";
import { MessageText } from "./MessageText.js";

const STATUS_ICONS = { sending: "clock", queued: "clock", unconfirmed: "alert", sent: "check", delivered: "checks", read: "checks", played: "checks", failed: "alert" };

function DeliveryStatus({ message }) {
  if (message.direction !== "outbound" || message.kind === "note") return null;
  const status = STATUS_ICONS[message.status] ? message.status : "queued";
  const label = t(`message.status.${status}`);
  return html`<span class=${`delivery-status ${message.status}`} data-status=${message.status} title=${label}><${Icon} name=${STATUS_ICONS[status]} label=${label} /></span>`;
}

function Attachment({ message }) {
  if (!message.media && message.type === "text") return null;
  const name = message.media?.file_name;
  return html`<span class="attachment">${summary({ ...message, text: null })}${name ? html` · <bdi>${name}</bdi>` : null}</span>`;
}

/** The advertisement that brought the customer. */
function Advertisement({ referral }) {
  if (!referral) return null;
  const name = referral.headline || (referral.source_id ?? referral.sourceId);
  return html`<span class="attachment">${name ? t("message.advertisementOf", { name }) : t("message.advertisement")}</span>`;
}

/** The content of a message; only a remark when it was deleted. */
function Content({ message, thread }) {
  if (message.revoked_at) return html`<span class="text deleted">${t("message.deleted")}</span>`;
  return html`
    <${Advertisement} referral=${message.referral} /><${Attachment} message=${message} />
    <${MessageText} key=${message.revision ?? 0} text=${message.text ?? ""} id=${message.id} unfolded=${thread.unfolded} />
  `;
}

function Meta({ message, kind }) {
  const edited = message.edited_at && !message.revoked_at;
  return html`
    <span class="meta">
      ${message.origin === "phone" && kind === "out" && html`<span>${t("message.fromPhone")}</span>`}
      ${edited && html`<span>${t(message.edit_unreadable ? "message.editUnreadable" : "message.edited")}</span>`}
      <time datetime=${message.timestamp} title=${formatDateTime(message.timestamp)}>${formatClock(message.timestamp)}</time><${DeliveryStatus} message=${message} />
    </span>
  `;
}

/** Why it was not sent. A failed message of ours can be tried again, one that was never sent can be discarded. */
function SendProblem({ message, thread }) {
  if (message.status !== "failed" && !message.problem) return null;
  return html`
    <div class="bubble-error" role="alert">
      <span>${message.problem ?? sendFailureText(message.error)}</span>
      ${can("send") && (message.retryable || !message.problem) && html`<button class="link" type="button" onClick=${() => thread.retry(message)}>${t("common.retry")}</button>`}
      ${can("send") && message.problem && html`<button class="link" type="button" onClick=${() => thread.discard(message)}>${t("common.discard")}</button>`}
    </div>
  `;
}

/** `quote`: one line of the quoted message; `isHighlighted`: it is the search result that was opened; `thread`: of createThread(). */
export function Bubble({ message, isGrouped, quote, isHighlighted, thread }) {
  const kind = message.kind === "note" ? "note" : message.direction === "outbound" ? "out" : "in";
  const classes = ["message", kind, isGrouped && "grouped", message.status === "failed" && "failed", isHighlighted && "search-result"].filter(Boolean).join(" ");
  return html`
    <div class=${classes} data-id=${message.id}>
      ${isHighlighted && html`<span class="search-result-label"><${Icon} name="search" />${t("message.searchResult")}</span>`}
      <div class="bubble">
        ${kind === "note" && html`<span class="note-label"><${Icon} name="notes" />${t("message.note")}</span>`}
        ${quote !== null && html`<span class="quote" dir="auto">${quote}</span>`}
        <${Content} message=${message} thread=${thread} />
        <${Meta} message=${message} kind=${kind} />
      </div>
      <${SendProblem} message=${message} thread=${thread} />
    </div>
  `;
}
