// The loaded part of a conversation: consecutive messages without a gap, extended by pages at both ends. A bounded number is
// kept: when a page is added at one end, messages far away at the other are dropped and read again when they are needed.

import { removeUnsent } from "./drafts.js";
import { isProgress } from "./message_status.js";
import { byOrder } from "./order_keys.js";
import { isAccepted, sortedMessages } from "./sorted_messages.js";
import { get } from "../network/rest.js";
import { listOf } from "./store.js";

const PAGE = 50;
/** More messages than this and one page are never kept. */
const MAX_KEPT_MESSAGES = 400;

/** The fields that an edit, a deletion or a readable copy changes. */
const contentOf = ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision }) => ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision });

const cursorQuery = (cursor) => (cursor ? { cursor } : null);

export function loadedMessages(conversation) {
  const path = `/api/conversations/${encodeURIComponent(conversation)}/messages`;
  const messages = sortedMessages();
  /** Queries of the next pages: of a cursor, or around the last message kept; null: there are no older, or no newer messages. */
  let older = null;
  let newer = null;
  let isLoaded = false;
  /** Changes that came during a page request, applied again after it because the page may be older. */
  let pendingChanges = null;
  let last = Promise.resolve();
  /** The ids loaded when the connection was lost: later messages may follow after a gap. */
  let idsBeforeGap = null;

  const reachesNewest = () => isLoaded && newer === null;
  const sorted = () => messages.list({ acceptedOnly: newer !== null });

  /** Merges an optimistic message with the recorded one: by id, else by the client's id. */
  function merge(message) {
    const optimistic = message.client_id && messages.get(message.client_id);
    if (optimistic) messages.remove(message.client_id);
    if (message.client_id) removeUnsent(message.client_id);
    const before = messages.get(message.id) ?? optimistic ?? {};
    const status = before.status && !isProgress(before.status, message.status) ? before.status : message.status;
    const latest = (message.revision ?? 0) >= (before.revision ?? 0) ? message : { ...message, ...contentOf(before) };
    messages.put({ ...before, ...latest, status, problem: null });
  }

  /** Drops the oldest, or the newest messages when there are too many. */
  function trim(end) {
    const count = messages.acceptedCount();
    const excess = count - MAX_KEPT_MESSAGES;
    if (excess <= PAGE) return;
    messages.removeRange(end === "oldest" ? 0 : MAX_KEPT_MESSAGES, excess);
    if (end === "oldest") older = { around: messages.list()[0].id };
    else newer = { around: messages.list()[MAX_KEPT_MESSAGES - 1].id };
  }

  /** One request at a time, each after the one before. Throws ApiError. */
  function read(query, take) {
    const request = async () => {
      pendingChanges = [];
      try {
        const ids = idsBeforeGap ?? messages.ids();
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
    messages.removeRange(0, messages.acceptedCount());
    older = cursorQuery(answer.next_cursor);
    newer = cursorQuery(answer.newer_cursor);
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
  const readOlder = () => read(() => older, (answer) => {
    older = cursorQuery(answer.next_cursor);
    for (const message of listOf(answer, "messages")) merge(message);
    trim("newest");
  });
  const readNewer = () => read(() => newer, (answer) => {
    newer = cursorQuery(answer.newer_cursor);
    for (const message of listOf(answer, "messages")) merge(message);
    trim("oldest");
  });
  /** After an interruption, without dropping what is on the screen: reads what follows the newest loaded message. */
  const readFollowing = () => read((ids) => ({ around: sorted().findLast((message) => ids.has(message.id) && isAccepted(message))?.id }), (answer, ids) => {
    newer = cursorQuery(answer.newer_cursor);
    if (newer) for (const { id } of messages.list({ acceptedOnly: true })) if (!ids.has(id)) messages.remove(id);
    for (const message of listOf(answer, "messages")) merge(message);
  });

  /** A message event. → "known", "new" (taken), or "ahead" (behind a gap, not taken) */
  function arrive(message) {
    pendingChanges?.push(() => arrive(message));
    const isLoadedAlready = messages.has(message.id) || messages.has(message.client_id);
    if (!isLoadedAlready && !reachesNewest()) return "ahead";
    const oldest = messages.list()[0];
    if (!isLoadedAlready && older && oldest && byOrder(message, oldest) < 0) return "known"; // a later page has it
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
    messages.put({ ...message, status, error: error ?? message.error, retryable: false });
    return true;
  }

  /** The connection was lost. */
  function interrupted() {
    idsBeforeGap ??= messages.ids();
  }

  return {
    get: messages.get, put: messages.put, remove: messages.remove, has: messages.has,
    interrupted, sorted, merge, reachesNewest, arrive, revise, progress, trim,
    isLoaded: () => isLoaded, hasOlder: () => older !== null, hasNewer: () => newer !== null,
    readNewest, readAround, readOlder, readNewer, readFollowing,
  };
}
