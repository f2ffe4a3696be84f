// Which messages are worth a notice, and what it says. Pure.

import { personName } from "../formats.js";
import { t } from "../language.js";

/** Older messages arrive late, after an interruption: the number of unread ones says enough. */
const MAX_AGE_MS = 600_000;
const MAX_TITLE_CHARACTERS = 60;
const MAX_BODY_CHARACTERS = 140;
const MAX_NAMES = 3;
const SILENT_TYPES = new Set(["reaction", "poll_result"]);

/** `clock`, `from`, `until`: "22:05". Quiet hours may go over midnight. */
export function isQuiet(clock, from, until) {
  if (!from || !until) return false;
  return from < until ? clock >= from && clock < until : clock >= from || clock < until;
}

export const deservesNotice = (message, now) =>
  message.direction === "inbound" && Boolean(message.conversation_id) && !SILENT_TYPES.has(message.type) && Date.parse(message.timestamp) > now - MAX_AGE_MS;

/** Texts and names are written by strangers: on one line, and not longer than this. */
function bounded(text, most) {
  const line = (text ?? "").slice(0, most * 4).replace(/\s+/g, " ").trim();
  const characters = [...line];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : line;
}

/** One notice for all `messages`. `contactOf(conversation id)`: who writes, as far as it is known. → {title, body, conversationId: null for several} */
export function noticeOf(messages, contactOf) {
  const ids = [...new Set(messages.map((message) => message.conversation_id))];
  const names = ids.map((id) => bounded(personName(contactOf(id)), MAX_TITLE_CHARACTERS));
  const count = t("notices.newMessages", { n: messages.length });
  if (ids.length > 1) return { title: count, body: bounded(names.slice(0, MAX_NAMES).join(", ") + (names.length > MAX_NAMES ? "…" : ""), MAX_BODY_CHARACTERS), conversationId: null };
  const text = bounded(messages.at(-1).text, MAX_BODY_CHARACTERS) || t("notices.withoutText");
  return { title: names[0], body: messages.length > 1 ? `${count}: ${text}` : text, conversationId: ids[0] };
}
