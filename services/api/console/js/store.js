// What the console knows right now, kept current by the socket; views subscribe to topics and draw again.

import { get } from "./rest.js";

export const known = {
  config: { simulator: false },
  instances: new Map(),
  /** per instance: {qr, dataUrl, attempt, expiresAt} or {code, expiresAt} */
  pairing: new Map(),
  contacts: new Map(),
  conversations: new Map(),
  bookings: new Map(),
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

/** Read every page of a list, `most` records at most. */
async function all(path, name, query = {}, most = 1000) {
  const found = [];
  let cursor = null;
  do {
    const answer = await get(path, { ...query, limit: 200, cursor });
    found.push(...listOf(answer, name));
    cursor = answer.next_cursor;
  } while (cursor && found.length < most);
  return found;
}

const LISTS = {
  instances: () => all("/api/whatsapp/instances", "instances"),
  contacts: () => all("/api/contacts", "contacts"),
  conversations: () => all("/api/conversations", "conversations", {}, 400),
  bookings: () => all("/api/bookings", "bookings"),
};

/** Read a whole list again (at the start, and after the socket was away). */
export async function load(name) {
  const found = await LISTS[name]();
  known[name] = new Map(found.map((record) => [record.id, record]));
  if (name === "conversations") for (const { contact } of found) if (contact) known.contacts.set(contact.id, contact);
  known.loaded.add(name);
  tell(name);
}

export function put(name, record) {
  known[name].set(record.id, { ...known[name].get(record.id), ...record });
  tell(name);
}

export function forget() {
  for (const name of ["instances", "pairing", "contacts", "conversations", "bookings", "loaded"]) known[name].clear();
}

/** A person's record, read once when the list does not hold it. */
export async function contactOf(id) {
  if (id && !known.contacts.has(id)) {
    const answer = await get(`/api/contacts/${encodeURIComponent(id)}`);
    put("contacts", answer.data ?? answer.contact ?? answer);
  }
  return known.contacts.get(id);
}
