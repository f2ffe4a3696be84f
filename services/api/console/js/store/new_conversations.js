// Conversations named by an event and not loaded yet: they are among the newest of the server's list.

import { get } from "../network/rest.js";
import { cacheAll, listOf, nextVersion } from "./store.js";

const MIN_INTERVAL_MS = 1000;
const RETRY_MS = 5000;
const PAGE_SIZE = 50;
const MAX_PAGES = 4;
const MAX_PENDING_IDS = 500;

const pendingIds = new Set();
let timer = null;
let readAt = 0;

/** Reads this conversation soon, in one request for all that are requested within a second. */
export function readNewConversation(id) {
  if (pendingIds.size < MAX_PENDING_IDS) pendingIds.add(id);
  timer ??= setTimeout(read, Math.max(0, readAt + MIN_INTERVAL_MS - Date.now()));
}

async function read() {
  const missing = new Set(pendingIds);
  pendingIds.clear(); // an id requested from now on may be newer than the answer
  let delay = MIN_INTERVAL_MS;
  try {
    await readPages(missing);
  } catch {
    for (const id of missing) pendingIds.add(id);
    delay = RETRY_MS;
  }
  readAt = Date.now();
  timer = pendingIds.size ? setTimeout(read, delay) : null;
}

async function readPages(missing) {
  let cursor = null;
  for (let page = 0; page < MAX_PAGES && missing.size && (cursor || !page); page += 1) {
    const since = nextVersion();
    const answer = await get("/api/conversations", { limit: PAGE_SIZE, cursor });
    cacheAll("conversations", listOf(answer, "conversations").filter((record) => missing.delete(record.id)), since);
    cursor = answer.next_cursor;
  }
}

/** Cancels pending reads at logout. */
export function cancelReads() {
  clearTimeout(timer);
  timer = null;
  pendingIds.clear();
}
