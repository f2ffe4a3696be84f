// Drafts and unsent messages, stored in this browser per user.

import { currentSession, ownId } from "../network/session.js";
import { publish } from "./store.js";

const PREFIX = "switchboard.drafts.";
const MAX_DRAFTS = 200;
const MAX_UNSENT = 100;
const MAX_CHARACTERS = 20_000;

const keyOf = () => `${PREFIX}${currentSession()?.organizationId}.${ownId()}`;

/** {drafts: {conversationId: text}, unsent: [{conversation, id, text, timestamp}]} */
function read() {
  try {
    return { drafts: {}, unsent: [], ...JSON.parse(localStorage.getItem(keyOf())) };
  } catch {
    return { drafts: {}, unsent: [] };
  }
}

function write(stored) {
  const names = Object.keys(stored.drafts);
  for (const name of names.slice(0, Math.max(0, names.length - MAX_DRAFTS))) delete stored.drafts[name];
  stored.unsent = stored.unsent.slice(-MAX_UNSENT);
  try {
    localStorage.setItem(keyOf(), JSON.stringify(stored));
  } catch {
    // storage is full or forbidden: the text is still in its field
  }
}

export const draftOf = (conversation) => read().drafts[conversation] ?? "";

export function saveDraft(conversation, text) {
  const stored = read();
  const before = stored.drafts[conversation] ?? "";
  const now = text.trim() ? text.slice(0, MAX_CHARACTERS) : "";
  if (before === now) return;
  delete stored.drafts[conversation]; // so that the newest is the last
  if (now) stored.drafts[conversation] = now;
  write(stored);
  if (Boolean(before) !== Boolean(now)) publish("drafts");
}

/** Messages of a conversation that the server has not confirmed. */
export const unsentOf = (conversation) => read().unsent.filter((message) => message.conversation === conversation);

/** Stores a message that is being sent. It publishes nothing: most messages are confirmed at once. */
export function saveUnsent(conversation, { id, text, timestamp }) {
  const stored = read();
  stored.unsent = [...stored.unsent.filter((message) => message.id !== id), { conversation, id, text, timestamp }];
  write(stored);
}

export function removeUnsent(id) {
  const stored = read();
  const remaining = stored.unsent.filter((message) => message.id !== id);
  if (remaining.length === stored.unsent.length) return;
  write({ ...stored, unsent: remaining });
  publish("drafts");
}

/** By conversation id: {draft} and {unsent: true}, for the list of conversations. */
export function draftMarks() {
  const { drafts, unsent } = read();
  const marks = new Map(Object.keys(drafts).map((conversation) => [conversation, { draft: drafts[conversation] }]));
  for (const { conversation } of unsent) marks.set(conversation, { ...marks.get(conversation), unsent: true });
  return marks;
}

/** Deletes everything at logout, for shared computers. */
export const deleteDrafts = () => localStorage.removeItem(keyOf());
