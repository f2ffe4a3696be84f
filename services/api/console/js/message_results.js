// Messages that a search finds, with the names of who wrote them.

import { byOrder } from "./order_keys.js";
import { pagedList } from "./paged_list.js";
import { call } from "./rest.js";
import { known, listOf } from "./store.js";

const PAGE = 20;
/** Words that are shorter are in too many messages. */
const MIN_LENGTH = 2;

/** `changed()`: there is something to draw. → {ask(words), records(), personOf(message), …} as pagedList() */
export function messageHits(changed) {
  const people = new Map();
  let isAsked = false;
  const list = pagedList({ name: "messages", path: "/api/messages", order: (one, other) => byOrder(other, one), changed: () => isAsked && changed(), arrived: readPeople, page: PAGE });

  /** One request for all who are not known yet. */
  async function readPeople(messages) {
    const missing = new Set(messages.map((message) => message.contact_id).filter((id) => id && !people.has(id) && !known.contacts.has(id)));
    if (!missing.size) return;
    const answer = await call("GET", "/api/conversations", { query: { contact_id: [...missing], limit: 200 } }).catch(() => ({}));
    for (const { contact } of listOf(answer, "conversations")) if (contact) people.set(contact.id, contact);
    if (isAsked) changed();
  }

  return {
    ...list,
    ask(text) {
      isAsked = [...text].length >= MIN_LENGTH;
      people.clear();
      if (isAsked) list.ask({ search: text, kind: "message" }, () => false);
      else list.clear();
    },
    isAsked: () => isAsked,
    records: () => (isAsked ? list.records().filter((message) => message.conversation_id) : []),
    personOf: (message) => known.contacts.get(message.contact_id) ?? people.get(message.contact_id),
  };
}
