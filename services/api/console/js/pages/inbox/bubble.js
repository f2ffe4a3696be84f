// One message as a bubble.

import { h, icon } from "../../components/dom.js";
import { clock, DELETED, summary } from "../../format.js";
import { sendFailureText } from "../../network/errors.js";

const STATUS_ICONS = {
  sending: ["clock", "Sending"],
  queued: ["clock", "Waiting to be sent"],
  unconfirmed: ["alert", "It may have been sent"],
  sent: ["check", "Sent"],
  delivered: ["checks", "Delivered"],
  read: ["checks", "Read"],
  played: ["checks", "Played"],
  failed: ["alert", "Not sent"],
};

const STATUS_ORDER = ["sending", "queued", "unconfirmed", "sent", "failed", "delivered", "read", "played"];

/** Whether status `next` comes after `current`: answers and events may come in any order. */
export const isProgress = (current, next) => STATUS_ORDER.indexOf(next) > STATUS_ORDER.indexOf(current);

function statusIcon(message) {
  if (message.direction !== "outbound" || message.kind === "note") return null;
  const [drawing, label] = STATUS_ICONS[message.status] ?? STATUS_ICONS.queued;
  return h("span", { class: `delivery-status ${message.status}`, "data-status": message.status, title: label }, icon(drawing, label));
}

function attachment(message) {
  if (!message.media && message.type === "text") return null;
  const name = message.media?.file_name;
  return h("span", { class: "attachment" }, summary({ ...message, text: null }), name ? ` · ${name}` : "");
}

/** The advertisement that brought the customer. */
function advertisement(message) {
  if (!message.referral) return null;
  const name = message.referral.headline || (message.referral.source_id ?? message.referral.sourceId);
  return h("span", { class: "attachment" }, name ? `Advertisement · ${name}` : "Advertisement");
}

/** The content of a message; only a remark when it was deleted. */
function content(message) {
  if (message.revoked_at) return [h("span", { class: "text deleted" }, DELETED)];
  return [advertisement(message), attachment(message), h("span", { class: "text" }, message.text ?? "")];
}

/** `retry(message)` is offered for a failed message of ours, `discard(message)` for one that was never sent.
 * `quote`: one line of the quoted message. `isHighlighted`: it is the search result that was opened. */
export function bubble(message, { retry, discard, quote = null, isHighlighted = false }) {
  const kind = message.kind === "note" ? "note" : message.direction === "outbound" ? "out" : "in";
  const failed = message.status === "failed";
  return h("div", { class: `message ${kind} ${failed ? "failed" : ""} ${isHighlighted ? "search-result" : ""}`, "data-id": message.id },
    isHighlighted ? h("span", { class: "search-result-label" }, icon("search"), "Search result") : null,
    h("div", { class: "bubble" },
      kind === "note" ? h("span", { class: "note-label" }, icon("note"), "Note") : null,
      quote ? h("span", { class: "quote" }, quote) : null,
      ...content(message),
      h("span", { class: "meta" },
        message.origin === "phone" && kind === "out" ? h("span", null, "from the phone") : null,
        message.edited_at && !message.revoked_at ? h("span", null, message.edit_unreadable ? "edited: see the phone for the new text" : "edited") : null,
        h("time", { datetime: message.timestamp }, clock(message.timestamp)), statusIcon(message))),
    failed || message.problem ? h("div", { class: "bubble-error", role: "alert" }, h("span", null, message.problem ?? sendFailureText(message.error)),
      message.retryable || !message.problem ? h("button", { class: "link", type: "button", onclick: () => retry(message) }, "Try again") : null,
      message.problem ? h("button", { class: "link", type: "button", onclick: () => discard(message) }, "Discard") : null) : null);
}
