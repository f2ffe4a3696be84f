// What is drawn of each message of a thread, as plain values: a row whose values stay is not drawn again.

import { dayKey, timeZone } from "../../formats.js";
import { summary } from "../../message_summary.js";

/** Messages of the same side follow each other as a group within this time. */
const GROUP_MS = 5 * 60_000;

const dayKeys = new WeakMap();

/** dayKey() is slow, and needed for every loaded message at each drawing. */
function dayOf(message) {
  const zone = timeZone.peek();
  const known = dayKeys.get(message);
  if (known?.zone === zone) return known.key;
  const key = dayKey(message.timestamp);
  dayKeys.set(message, { zone, key });
  return key;
}

const sideOf = (message) => (message.kind === "note" ? "note" : message.direction);

function follows(message, before) {
  return sideOf(message) === sideOf(before) && Date.parse(message.timestamp) - Date.parse(before.timestamp) < GROUP_MS;
}

/**
 * `marks`: {firstNewId, highlightedId}. → [{message, startsDay, startsNew, isGrouped, quote, isHighlighted}], oldest first.
 * `startsDay`: it is the first of its day; `startsNew`: the line "new messages" is above it; `isGrouped`: it follows a message of
 * the same side at once.
 */
export function messageRows(loaded, marks) {
  const messages = loaded.sorted();
  return messages.map((message, at) => {
    const before = messages[at - 1];
    const startsDay = !before || dayOf(before) !== dayOf(message);
    const startsNew = message.id === marks.firstNewId;
    const quoted = message.quoted_message_id && loaded.get(message.quoted_message_id);
    return {
      message, startsDay, startsNew,
      isGrouped: Boolean(before) && !startsDay && !startsNew && follows(message, before),
      quote: quoted ? summary(quoted) : null,
      isHighlighted: message.id === marks.highlightedId,
    };
  });
}
