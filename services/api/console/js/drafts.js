// Texts that are written and not sent, and messages that have not left yet: kept in this browser, per user.

import { currentSession, ownId } from "./session.js";
import { tell } from "./store.js";

const PREFIX = "switchboard.drafts.";
const MOST_DRAFTS = 200;
const MOST_UNSENT = 100;
const MOST_CHARACTERS = 20_000;

const keyOf = () => `${PREFIX}${currentSession()?.organizationId}.${ownId()}`;

/** {drafts: {conversationId: text}, unsent: [{conversation, id, text, timestamp}]} */
function read() {
  try {
    return { drafts: {}, unsent: [], ...JSON.parse(localStorage.getItem(keyOf())) };
  } catch {
    return { drafts: {}, unsent: [] };
  }
}

function write(kept) {
  const names = Object.keys(kept.drafts);
  for (const name of names.slice(0, Math.max(0, names.length - MOST_DRAFTS))) delete kept.drafts[name];
  kept.unsent = kept.unsent.slice(-MOST_UNSENT);
  try {
    localStorage.setItem(keyOf(), JSON.stringify(kept));
  } catch {
    // a full or forbidden storage: the text is still in its field
  }
}

export const draftOf = (conversation) => read().drafts[conversation] ?? "";

export function keepDraft(conversation, text) {
  const kept = read();
  const before = kept.drafts[conversation] ?? "";
  const now = text.trim() ? text.slice(0, MOST_CHARACTERS) : "";
  if (before === now) return;
  delete kept.drafts[conversation]; // the newest is the last
  if (now) kept.drafts[conversation] = now;
  write(kept);
  if (Boolean(before) !== Boolean(now)) tell("drafts");
}

/** Messages of a conversation that the server has not confirmed. */
export const unsentOf = (conversation) => read().unsent.filter((message) => message.conversation === conversation);

export function keepUnsent(conversation, { id, text, timestamp }) {
  const kept = read();
  kept.unsent = [...kept.unsent.filter((message) => message.id !== id), { conversation, id, text, timestamp }];
  write(kept);
  tell("drafts");
}

export function dropUnsent(id) {
  const kept = read();
  const left = kept.unsent.filter((message) => message.id !== id);
  if (left.length === kept.unsent.length) return;
  write({ ...kept, unsent: left });
  tell("drafts");
}

/** What the list of conversations says beside a name: "draft", "unsent" or nothing. */
export function marks() {
  const { drafts, unsent } = read();
  const found = new Map(Object.keys(drafts).map((conversation) => [conversation, { draft: drafts[conversation] }]));
  for (const { conversation } of unsent) found.set(conversation, { ...found.get(conversation), unsent: true });
  return found;
}

/** Who logs out leaves nothing behind on a shared computer. */
export const forgetDrafts = () => localStorage.removeItem(keyOf());
