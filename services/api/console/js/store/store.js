// Cached records, kept current by socket events; views subscribe to topics and draw again.

import { get } from "../network/rest.js";
import { config } from "./config.js";

/** Maximum of cached records per kind. */
const MAX_CACHED_RECORDS = 1000;
/** Maximum of records whose version is remembered, to detect late responses. */
const MAX_REMEMBERED_CHANGES = 5000;
const PAGE = 200;

/** Evicts the least recently set record, but not the pinned one. */
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

export const store = {
  get config() {
    return config.value;
  },
  instances: new Map(),
  /** By instance id: {qr, dataUrl, attempt, expiresAt} or {code, expiresAt} */
  pairing: new Map(),
  /** Only a part of the records: lists read their own pages (paged_list.js), and recordOf() searches those too. */
  contacts: new RecordCache(),
  conversations: new RecordCache(),
  bookings: new RecordCache(),
  counts: { conversations: null, bookings: null },
  loaded: new Set(),
  online: false,
};

const listeners = new Map();

/** Calls `listener(detail)` at every `publish(topic, detail)`. → a function that unsubscribes */
export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  return () => listeners.get(topic).delete(listener);
}

export function publish(topic, detail) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(detail);
}

/** The records of a list response, in whichever field the route puts them. */
export const listOf = (answer, name) => answer.data ?? answer[name] ?? [];

/** Every record of a list that is always short. */
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

/** Reads the accounts again (at the start, and after an interruption). */
export async function load(name) {
  const found = await readAll("/api/whatsapp/instances", name);
  store[name] = new Map(found.map((record) => [record.id, record]));
  store.loaded.add(name);
  publish(name);
}

const findersByKind = { contacts: new Set(), conversations: new Set(), bookings: new Set(), instances: new Set(), messages: new Set() };

/** `find(id)`: a record in a list. → a function that removes the finder */
export function registerFinder(name, find) {
  findersByKind[name].add(find);
  return () => findersByKind[name].delete(find);
}

/** The record in the cache or in a loaded list; undefined: not loaded. */
export function recordOf(name, id) {
  let found = store[name]?.get(id);
  for (const find of findersByKind[name]) found ??= find(id);
  return found;
}

let version = 0;
/** By record id: the version at which it was last changed, by an event or by the request that read it. */
const versionOf = new Map();

function setVersion(id, at) {
  versionOf.delete(id); // so that the newest is the last
  versionOf.set(id, at);
  if (versionOf.size > MAX_REMEMBERED_CHANGES) versionOf.delete(versionOf.keys().next().value);
}

/** Call it before a request and pass it to newestOf(). */
export const nextVersion = () => ++version;

/** Merges an event or the response of a change into the record; missing fields stay. */
export function put(name, record) {
  const before = recordOf(name, record.id);
  const moved = before && record.contact_id && record.contact_id !== before.contact_id;
  const merged = { ...before, ...(moved ? { contact: null } : {}), ...record };
  store[name].set(record.id, merged);
  setVersion(record.id, ++version);
  publish(name, merged);
}

/** The records of a response to a request started at version `since`; a record changed later keeps its newer version. */
export function newestOf(name, records, since) {
  return records.map((record) => {
    if ((versionOf.get(record.id) ?? 0) > since) return recordOf(name, record.id) ?? record;
    setVersion(record.id, since);
    if (store[name]?.has(record.id)) cacheRecord(name, record);
    return record;
  });
}

function cacheRecord(name, record) {
  store[name].set(record.id, record);
  publish(name, record);
}

/** Caches the records of a response, also those in no list. */
export function cacheAll(name, records, since) {
  for (const record of newestOf(name, records, since)) cacheRecord(name, record);
}

/** Removes a record from the cache and from all lists. */
export function removeRecord(name, id) {
  store[name].delete(id);
  publish("dropped", { name, id });
}

export function clearStore() {
  for (const name of ["instances", "pairing", "contacts", "conversations", "bookings", "loaded"]) store[name].clear();
  store.counts = { conversations: null, bookings: null };
}

/** Drops records that may be out of date after an interruption; they are read again when needed. */
export function clearOldRecords() {
  for (const name of ["contacts", "bookings", "conversations"]) {
    for (const id of [...store[name].keys()]) if (id !== store[name].pinned) store[name].delete(id);
  }
}

const pendingReads = new Map();

/** One read per record at a time. `reload`: also when it is cached. */
async function read(name, id, reload) {
  const found = reload ? null : recordOf(name, id);
  if (found && !store[name].has(id)) store[name].set(id, found);
  if (found || !id) return found;
  const path = `/api/${name}/${encodeURIComponent(id)}`;
  if (!pendingReads.has(path)) {
    const since = nextVersion();
    const request = get(path)
      .then((answer) => cacheAll(name, [answer.data ?? answer.contact ?? answer], since))
      .finally(() => pendingReads.delete(path));
    pendingReads.set(path, request);
  }
  await pendingReads.get(path);
  return store[name].get(id);
}

/** A contact, read when it is not loaded. */
export const contactOf = (id) => read("contacts", id);

/** A conversation, read when it is not loaded; one that is in a list is cached at once. */
export const conversationOf = (id, reload = false) => read("conversations", id, reload);

/** Keeps the open conversation in the cache. */
export function pinConversation(id) {
  store.conversations.pinned = id;
}
