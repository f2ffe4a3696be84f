// The loaded part of a conversation: messages in a row without a gap between them, read by pages at both ends.

import { isProgress } from "./bubble.js";
import { dropUnsent } from "./drafts.js";
import { byOrder, NOT_ACCEPTED, orderKey } from "./order_keys.js";
import { get } from "./rest.js";
import { listOf } from "./store.js";

const PAGE = 50;

/** What an edit, a deletion or a readable copy changes. */
const contentOf = ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision }) => ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision });

const isAccepted = (message) => orderKey(message) !== NOT_ACCEPTED;

export function loadedMessages(conversation) {
  const path = `/api/conversations/${encodeURIComponent(conversation)}/messages`;
  const messages = new Map();
  /** Where to go on reading; null: there are no older, or no newer messages. */
  let olderCursor = null;
  let newerCursor = null;
  let isLoaded = false;
  /** What was told while a page was on its way: the page may be older. */
  let told = null;
  let last = Promise.resolve();
  /** The ids that were loaded when the connection was lost: what came since may follow behind a gap. */
  let before = null;

  const reachesNewest = () => isLoaded && newerCursor === null;
  const sorted = () => [...messages.values()].filter((message) => !newerCursor || isAccepted(message)).sort(byOrder);

  /** Our optimistic line and the recorded message are one: by id, else by the client's id. */
  function merge(message) {
    const mine = message.client_id && messages.get(message.client_id);
    if (mine) messages.delete(message.client_id);
    if (message.client_id) dropUnsent(message.client_id);
    const before = messages.get(message.id) ?? mine ?? {};
    const status = before.status && !isProgress(before.status, message.status) ? before.status : message.status;
    const newer = (message.revision ?? 0) >= (before.revision ?? 0) ? message : { ...message, ...contentOf(before) };
    messages.set(message.id, { ...before, ...newer, status, problem: null });
  }

  /** One request at a time: each goes on where the one before ended. Throws ApiError. */
  function read(query, take) {
    const request = async () => {
      told = [];
      try {
        const ids = before ?? new Set(messages.keys());
        const asked = query(ids);
        if (asked) take(await get(path, { limit: PAGE, ...asked }), ids);
        before = null;
      } finally {
        const missed = told;
        told = null;
        for (const again of missed) again();
      }
    };
    last = last.then(request, request);
    return last;
  }

  /** The loaded part is this page and nothing else; what has not left stays. */
  function replace(answer) {
    for (const [id, message] of messages) if (isAccepted(message)) messages.delete(id);
    olderCursor = answer.next_cursor ?? null;
    newerCursor = answer.newer_cursor ?? null;
    isLoaded = true;
    for (const message of listOf(answer, "messages")) merge(message);
  }

  /** The newest page is joined to what is loaded when the two overlap, else what is loaded is given up. */
  function join(answer, ids) {
    const page = listOf(answer, "messages");
    if (!reachesNewest() || !page.some(({ id }) => ids.has(id))) return replace(answer);
    for (const message of page) merge(message);
  }

  const readNewest = () => read(() => ({}), join);
  const readAround = (around) => read(() => ({ around }), replace);
  const readOlder = () => read(() => olderCursor && { cursor: olderCursor }, (answer) => {
    olderCursor = answer.next_cursor ?? null;
    for (const message of listOf(answer, "messages")) merge(message);
  });
  const readNewer = () => read(() => newerCursor && { cursor: newerCursor }, (answer) => {
    newerCursor = answer.newer_cursor ?? null;
    for (const message of listOf(answer, "messages")) merge(message);
  });
  /** After an interruption, without giving up what is being read: what follows on the newest loaded message. */
  const readFollowing = () => read((ids) => ({ around: sorted().filter((message) => ids.has(message.id) && isAccepted(message)).at(-1)?.id }), (answer, ids) => {
    newerCursor = answer.newer_cursor ?? null;
    if (newerCursor) for (const [id, message] of messages) if (!ids.has(id) && isAccepted(message)) messages.delete(id);
    for (const message of listOf(answer, "messages")) merge(message);
  });

  /** A message was told: "known", "new" at its place, or "ahead" of the loaded part and not taken. */
  function arrive(message) {
    told?.push(() => arrive(message));
    const isKnown = messages.has(message.id) || messages.has(message.client_id);
    if (!isKnown && !reachesNewest()) return "ahead";
    const oldest = sorted()[0];
    if (!isKnown && olderCursor && oldest && byOrder(message, oldest) < 0) return "known"; // a later page has it
    merge(message);
    return isKnown ? "known" : "new";
  }

  /** A message was edited or deleted; → whether it is loaded. */
  function revise(message) {
    told?.push(() => revise(message));
    if (!messages.has(message.id)) return false;
    merge(message);
    return true;
  }

  /** A message of ours is further; → whether that is news. */
  function progress(change) {
    told?.push(() => progress(change));
    const { message_id, client_id, status, error } = change;
    const message = messages.get(message_id) ?? messages.get(client_id);
    if (!message || !isProgress(message.status, status)) return false;
    Object.assign(message, { status, error: error ?? message.error, retryable: false });
    return true;
  }

  /** The connection is lost. */
  function interrupted() {
    before ??= new Set(messages.keys());
  }

  return {
    messages, interrupted, sorted, merge, reachesNewest, arrive, revise, progress,
    isLoaded: () => isLoaded, hasOlder: () => olderCursor !== null, hasNewer: () => newerCursor !== null,
    readNewest, readAround, readOlder, readNewer, readFollowing,
  };
}
