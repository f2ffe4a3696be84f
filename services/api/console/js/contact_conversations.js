// Which conversations the people of a list have, read for a page of them at once.

import { call } from "./rest.js";
import { listOf, mark, on, upToDate } from "./store.js";

const PAGE = 200;

/** `changed()`: there is something to draw. → {read(contactIds), of(contactId), close} */
export function talksOf(changed) {
  /** Per contact the conversations by id. */
  const talks = new Map();
  const asked = new Set();
  let closed = false;

  function keep(talk) {
    if (!talks.has(talk.contact_id)) talks.set(talk.contact_id, new Map());
    talks.get(talk.contact_id).set(talk.id, talk);
  }

  /** Those whose conversations were asked for before are not asked for again. */
  async function read(ids) {
    const missing = [...new Set(ids)].filter((id) => id && !asked.has(id));
    for (const id of missing) asked.add(id);
    for (let at = 0; at < missing.length; at += PAGE) await readSome(missing.slice(at, at + PAGE));
  }

  async function readSome(ids) {
    let cursor = null;
    try {
      do {
        const since = mark();
        const answer = await call("GET", "/api/conversations", { query: { contact_id: ids, limit: PAGE, cursor } });
        for (const talk of upToDate("conversations", listOf(answer, "conversations"), since)) keep(talk);
        cursor = answer.next_cursor;
      } while (cursor && !closed);
    } catch {
      for (const id of ids) asked.delete(id); // the next page or event asks again
    }
    if (!closed) changed();
  }

  function told(talk) {
    if (!talk || !asked.has(talk.contact_id)) return;
    keep(talk);
    changed();
  }

  function again() {
    const ids = [...asked];
    asked.clear();
    talks.clear();
    read(ids);
  }

  const stops = [on("conversations", told), on("resync", again), on("merged", again)];
  return {
    read,
    of: (contactId) => [...(talks.get(contactId)?.values() ?? [])],
    close() {
      closed = true;
      for (const stop of stops) stop();
    },
  };
}
