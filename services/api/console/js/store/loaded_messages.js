// The loaded part of a conversation: consecutive messages without a gap, extended by pages at both ends.

import { isProgress } from "../pages/inbox/bubble.js";
import { removeUnsent } from "./drafts.js";
import { byOrder, NOT_ACCEPTED, orderKey } from "./order_keys.js";
import { get } from "../network/rest.js";
import { listOf } from "./store.js";

const PAGE = 50;

/** The fields that an edit, a deletion or a readable copy changes. */
const contentOf = ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision }) => ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision });

const isAccepted = (message) => orderKey(message) !== NOT_ACCEPTED;

export function loadedMessages(conversation) {
  const path = `/api/conversations/${encodeURIComponent(conversation)}/messages`;
  const messages = new Map();
  /** Cursors of the next pages; null: there are no older, or no newer messages. */
  let olderCursor = null;
  let newerCursor = null;
  let isLoaded = false;
  /** Changes that came during a page request, applied again after it because the page may be older. */
  let pendingChanges = null;
  let last = Promise.resolve();
  /** The ids loaded when the connection was lost: later messages may follow after a gap. */
  let idsBeforeGap = null;

  const reachesNewest = () => isLoaded && newerCursor === null;
  const sorted = () => [...messages.values()].filter((message) => !newerCursor || isAccepted(message)).sort(byOrder);

  /** Merges an optimistic message with the recorded one: by id, else by the client's id. */
  function merge(message) {
    const optimistic = message.client_id && messages.get(message.client_id);
    if (optimistic) messages.delete(message.client_id);
    if (message.client_id) removeUnsent(message.client_id);
    const before = messages.get(message.id) ?? optimistic ?? {};
    const status = before.status && !isProgress(before.status, message.status) ? before.status : message.status;
    const newer = (message.revision ?? 0) >= (before.revision ?? 0) ? message : { ...message, ...contentOf(before) };
    messages.set(message.id, { ...before, ...newer, status, problem: null });
  }

  /** One request at a time, each after the one before. Throws ApiError. */
  function read(query, take) {
    const request = async () => {
      pendingChanges = [];
      try {
        const ids = idsBeforeGap ?? new Set(messages.keys());
        const pageQuery = query(ids);
        if (pageQuery) take(await get(path, { limit: PAGE, ...pageQuery }), ids);
        idsBeforeGap = null;
      } finally {
        const changes = pendingChanges;
        pendingChanges = null;
        for (const change of changes) change();
      }
    };
    last = last.then(request, request);
    return last;
  }

  /** Replaces the loaded part by this page; unsent messages stay. */
  function replace(answer) {
    for (const [id, message] of messages) if (isAccepted(message)) messages.delete(id);
    olderCursor = answer.next_cursor ?? null;
    newerCursor = answer.newer_cursor ?? null;
    isLoaded = true;
    for (const message of listOf(answer, "messages")) merge(message);
  }

  /** Joins the newest page to the loaded part when the two overlap; else the loaded part is dropped. */
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
  /** After an interruption, without dropping what is on the screen: reads what follows the newest loaded message. */
  const readFollowing = () => read((ids) => ({ around: sorted().filter((message) => ids.has(message.id) && isAccepted(message)).at(-1)?.id }), (answer, ids) => {
    newerCursor = answer.newer_cursor ?? null;
    if (newerCursor) for (const [id, message] of messages) if (!ids.has(id) && isAccepted(message)) messages.delete(id);
    for (const message of listOf(answer, "messages")) merge(message);
  });

  /** A message event. → "known", "new" (taken), or "ahead" (behind a gap, not taken) */
  function arrive(message) {
    pendingChanges?.push(() => arrive(message));
    const isLoadedAlready = messages.has(message.id) || messages.has(message.client_id);
    if (!isLoadedAlready && !reachesNewest()) return "ahead";
    const oldest = sorted()[0];
    if (!isLoadedAlready && olderCursor && oldest && byOrder(message, oldest) < 0) return "known"; // a later page has it
    merge(message);
    return isLoadedAlready ? "known" : "new";
  }

  /** A message was edited or deleted. → whether it is loaded */
  function revise(message) {
    pendingChanges?.push(() => revise(message));
    if (!messages.has(message.id)) return false;
    merge(message);
    return true;
  }

  /** A message of ours has a new status. → whether that changed it */
  function progress(change) {
    pendingChanges?.push(() => progress(change));
    const { message_id, client_id, status, error } = change;
    const message = messages.get(message_id) ?? messages.get(client_id);
    if (!message || !isProgress(message.status, status)) return false;
    Object.assign(message, { status, error: error ?? message.error, retryable: false });
    return true;
  }

  /** The connection was lost. */
  function interrupted() {
    idsBeforeGap ??= new Set(messages.keys());
  }

  return {
    messages, interrupted, sorted, merge, reachesNewest, arrive, revise, progress,
    isLoaded: () => isLoaded, hasOlder: () => olderCursor !== null, hasNewer: () => newerCursor !== null,
    readNewest, readAround, readOlder, readNewer, readFollowing,
  };
}
