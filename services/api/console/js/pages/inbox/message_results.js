// Messages that match a search, with the names of their contacts.

import { byOrder } from "../../store/order_keys.js";
import { pagedList } from "../../store/paged_list.js";
import { call } from "../../network/rest.js";
import { store, listOf } from "../../store/store.js";

const PAGE = 20;
/** Characters; shorter words match too many messages. */
const MIN_LENGTH = 2;

/** `changed()` is called when there is something to draw. → {ask(text, filter), records(), personOf(message), …} as pagedList() */
export function messageResults(changed) {
  const people = new Map();
  let isActive = false;
  const list = pagedList({ name: "messages", path: "/api/messages", order: (one, other) => byOrder(other, one), changed: () => isActive && changed(), arrived: readPeople, page: PAGE });

  /** Reads all missing contacts in one request. */
  async function readPeople(messages) {
    const missing = new Set(messages.map((message) => message.contact_id).filter((id) => id && !people.has(id) && !store.contacts.has(id)));
    if (!missing.size) return;
    const answer = await call("GET", "/api/conversations", { query: { contact_id: [...missing], limit: 200 } }).catch(() => ({}));
    for (const { contact } of listOf(answer, "conversations")) if (contact) people.set(contact.id, contact);
    if (isActive) changed();
  }

  return {
    ...list,
    ask(text, filter = {}) {
      isActive = [...text].length >= MIN_LENGTH;
      people.clear();
      if (isActive) list.ask({ search: text, kind: "message", ...filter }, () => false);
      else list.clear();
    },
    isActive: () => isActive,
    records: () => (isActive ? list.records().filter((message) => message.conversation_id) : []),
    personOf: (message) => store.contacts.get(message.contact_id) ?? people.get(message.contact_id),
  };
}
