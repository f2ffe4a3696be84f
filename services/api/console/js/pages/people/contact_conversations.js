// The conversations of the contacts in a list, read for a page of contacts at once.

import { call } from "../../network/rest.js";
import { useEffect, useMemo, useState } from "../../rendering.js";
import { listOf, nextVersion, on, newestOf } from "../../store/store.js";

const PAGE_SIZE = 200;

/** `changed()` is called when conversations were read. → {read(contactIds), of(contactId), close} */
export function contactConversations(changed) {
  /** By contact id: conversations by id. */
  const conversations = new Map();
  const requestedIds = new Set();
  let closed = false;

  function add(conversation) {
    if (!conversations.has(conversation.contact_id)) conversations.set(conversation.contact_id, new Map());
    conversations.get(conversation.contact_id).set(conversation.id, conversation);
  }

  /** Reads the conversations of contacts that were not requested before. */
  async function read(ids) {
    const missing = [...new Set(ids)].filter((id) => id && !requestedIds.has(id));
    for (const id of missing) requestedIds.add(id);
    for (let at = 0; at < missing.length; at += PAGE_SIZE) await readSome(missing.slice(at, at + PAGE_SIZE));
  }

  async function readSome(ids) {
    let cursor = null;
    try {
      do {
        const since = nextVersion();
        const answer = await call("GET", "/api/conversations", { query: { contact_id: ids, limit: PAGE_SIZE, cursor } });
        for (const conversation of newestOf("conversations", listOf(answer, "conversations"), since)) add(conversation);
        cursor = answer.next_cursor;
      } while (cursor && !closed);
    } catch {
      for (const id of ids) requestedIds.delete(id); // so that the next page or event requests them again
    }
    if (!closed) changed();
  }

  function conversationChanged(conversation) {
    if (!conversation || !requestedIds.has(conversation.contact_id)) return;
    add(conversation);
    changed();
  }

  function readAgain() {
    const ids = [...requestedIds];
    requestedIds.clear();
    conversations.clear();
    read(ids);
  }

  const stops = [on("conversations", conversationChanged), on("resync", readAgain), on("merged", readAgain)];
  return {
    read,
    of: (contactId) => [...(conversations.get(contactId)?.values() ?? [])],
    close() {
      closed = true;
      for (const stop of stops) stop();
    },
  };
}

/** The same for a component, which is rendered again when conversations were read. */
export function useContactConversations() {
  const [, setVersion] = useState(0);
  const conversations = useMemo(() => contactConversations(() => setVersion((version) => version + 1)), []);
  useEffect(() => conversations.close, [conversations]);
  return conversations;
}
