// What the console knows right now, kept current by the socket; views subscribe to topics and draw again.

import { get } from "./rest.js";

/** Records of one kind that were read or changed lately. */
const MAX_CACHED_RECORDS = 1000;
/** Of so many records it is remembered how new they are, to judge answers that come late. */
const MAX_REMEMBERED_CHANGES = 5000;
const PAGE = 200;

/** The newest records; the oldest leave first, but not the pinned one. */
class RecordCache extends Map {
  pinned = null;

  set(id, record) {
    this.delete(id);
    super.set(id, record);
    for (const oldest of this.keys()) {
      if (this.size <= MAX_CACHED_RECORDS) break;
      if (oldest !== this.pinned && oldest !== id) this.delete(oldest);
    }
    return this;
  }
}

export const known = {
  config: { simulator: false },
  instances: new Map(),
  /** per instance: {qr, dataUrl, attempt, expiresAt} or {code, expiresAt} */
  pairing: new Map(),
  /** Not all there are: lists read their own pages (paged_list.js), and recordOf() looks there too. */
  contacts: new RecordCache(),
  conversations: new RecordCache(),
  bookings: new RecordCache(),
  counts: { conversations: null, bookings: null },
  loaded: new Set(),
  online: false,
};

const listeners = new Map();

/** Call `listener(detail)` at every `tell(topic, detail)`; returns how to stop. */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  return () => listeners.get(topic).delete(listener);
}

export function tell(topic, detail) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(detail);
}

/** The list of an answer, however the route frames it. */
export const listOf = (answer, name) => answer.data ?? answer[name] ?? [];

/** Every record of a list that is short by its nature. */
export async function readAll(path, name, query = {}) {
  const found = [];
  let cursor = null;
  do {
    const answer = await get(path, { ...query, limit: PAGE, cursor });
    found.push(...listOf(answer, name));
    cursor = answer.next_cursor;
  } while (cursor);
  return found;
}

/** Read the accounts again (at the start, and after the socket was away). */
export async function load(name) {
  const found = await readAll("/api/whatsapp/instances", name);
  known[name] = new Map(found.map((record) => [record.id, record]));
  known.loaded.add(name);
  tell(name);
}

const finders = { contacts: new Set(), conversations: new Set(), bookings: new Set(), instances: new Set(), messages: new Set() };

/** `find(id)`: a record that a list holds. Returns how to stop. */
export function holds(name, find) {
  finders[name].add(find);
  return () => finders[name].delete(find);
}

/** The record as far as it is known here: lately read, or in a list on show. */
export function recordOf(name, id) {
  let found = known[name]?.get(id);
  for (const find of finders[name]) found ??= find(id);
  return found;
}

let moment = 0;
/** As of which moment a record is known: that of an event, or that of the request whose answer has it. */
const asOf = new Map();

function learned(id, at) {
  asOf.delete(id); // the newest is the last
  asOf.set(id, at);
  if (asOf.size > MAX_REMEMBERED_CHANGES) asOf.delete(asOf.keys().next().value);
}

/** To be taken before a request, for upToDate(). */
export const mark = () => ++moment;

/** An event or the answer of a change; the fields that are not named stay. */
export function put(name, record) {
  const before = recordOf(name, record.id);
  const moved = before && record.contact_id && record.contact_id !== before.contact_id;
  const merged = { ...before, ...(moved ? { contact: null } : {}), ...record };
  known[name].set(record.id, merged);
  learned(record.id, ++moment);
  tell(name, merged);
}

/** The records of an answer that was asked for at `since`; what is known of a later moment is newer than the answer. */
export function upToDate(name, records, since) {
  return records.map((record) => {
    if ((asOf.get(record.id) ?? 0) > since) return recordOf(name, record.id) ?? record;
    learned(record.id, since);
    if (known[name]?.has(record.id)) keep(name, record);
    return record;
  });
}

function keep(name, record) {
  known[name].set(record.id, record);
  tell(name, record);
}

/** Records of an answer that shall be known for themselves, not only to a list. */
export function keepAll(name, records, since) {
  for (const record of upToDate(name, records, since)) keep(name, record);
}

/** The record is no more; lists take it out. */
export function drop(name, id) {
  known[name].delete(id);
  tell("dropped", { name, id });
}

export function forget() {
  for (const name of ["instances", "pairing", "contacts", "conversations", "bookings", "loaded"]) known[name].clear();
  known.counts = { conversations: null, bookings: null };
}

/** What was read before an interruption may be old: it is read again when it is needed. */
export function forgetOld() {
  for (const name of ["contacts", "bookings", "conversations"]) {
    for (const id of [...known[name].keys()]) if (id !== known[name].pinned) known[name].delete(id);
  }
}

const asked = new Map();

/** Once at a time for each record; `again`: though it is known. */
async function read(name, id, again) {
  const found = again ? null : recordOf(name, id);
  if (found && !known[name].has(id)) known[name].set(id, found);
  if (found || !id) return found;
  const path = `/api/${name}/${encodeURIComponent(id)}`;
  if (!asked.has(path)) {
    const since = mark();
    const request = get(path)
      .then((answer) => keepAll(name, [answer.data ?? answer.contact ?? answer], since))
      .finally(() => asked.delete(path));
    asked.set(path, request);
  }
  await asked.get(path);
  return known[name].get(id);
}

/** A person's record, read when it is not known here. */
export const contactOf = (id) => read("contacts", id);

/** A conversation, read when it is not known here; in the cache at once when a list has it. */
export const conversationOf = (id, again = false) => read("conversations", id, again);

/** The record of the conversation that is open stays known. */
export function pinConversation(id) {
  known.conversations.pinned = id;
}
