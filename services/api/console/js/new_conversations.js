// Conversations that the socket speaks of and nobody here has read: they are among the newest of the server's list.

import { get } from "./rest.js";
import { keepAll, listOf, mark } from "./store.js";

const PAUSE_MS = 1000;
const RETRY_MS = 5000;
const PAGE = 50;
const MAX_PAGES = 4;
const MAX_WANTED = 500;

const wanted = new Set();
let timer = null;
let readAt = 0;

/** Reads this conversation soon: one request for all that are asked for within a second. */
export function readNewest(id) {
  if (wanted.size < MAX_WANTED) wanted.add(id);
  timer ??= setTimeout(read, Math.max(0, readAt + PAUSE_MS - Date.now()));
}

async function read() {
  const missing = new Set(wanted);
  wanted.clear(); // what is asked for from now on may be newer than the answer
  let pause = PAUSE_MS;
  try {
    await readPages(missing);
  } catch {
    for (const id of missing) wanted.add(id);
    pause = RETRY_MS;
  }
  readAt = Date.now();
  timer = wanted.size ? setTimeout(read, pause) : null;
}

async function readPages(missing) {
  let cursor = null;
  for (let page = 0; page < MAX_PAGES && missing.size && (cursor || !page); page += 1) {
    const since = mark();
    const answer = await get("/api/conversations", { limit: PAGE, cursor });
    keepAll("conversations", listOf(answer, "conversations").filter((record) => missing.delete(record.id)), since);
    cursor = answer.next_cursor;
  }
}

/** Another person may log in: nothing is asked for any more. */
export function forgetNewest() {
  clearTimeout(timer);
  timer = null;
  wanted.clear();
}
