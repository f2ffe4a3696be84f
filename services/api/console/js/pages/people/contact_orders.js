// The server's orders of contacts.

import { byName } from "../../store/search_match.js";

/** A comparator: who wrote or was written to last is the first. */
function byLastMessage(one, other) {
  const between = Date.parse(other.last_message_at) - Date.parse(one.last_message_at);
  return between || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);
}

/** By the value of `sort` in the request: the order, and which contacts are listed. */
export const CONTACT_ORDERS = {
  name: { order: byName, has: () => true },
  last_message_at: { order: byLastMessage, has: (person) => Boolean(person.last_message_at) },
};
