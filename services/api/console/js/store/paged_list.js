// A list that is read page by page: the records so far in order, kept current by socket events.

import { whenJoined } from "../network/socket.js";
import { call } from "../network/rest.js";
import { registerFinder, listOf, nextVersion, on, recordOf, newestOf } from "./store.js";

/** The maximum of one list; other records are reached by search. */
const MAX_LISTED_RECORDS = 10_000;
const PAGE = 50;
/** The page size of reload(), which reads many records. */
const LARGE_PAGE = 200;

/**
 * `name`: kind of record in the store; `order(one, other)`: the server's order, first of the list first; `changed()`: there is
 * something to draw; `arrived(records)`: a page was read; `reach()`: how many records are in use, so that reload() reads as
 * many.
 */
export function pagedList({ name, path, order, changed, arrived = () => {}, reach = () => 0, page = PAGE }) {
  const emptyList = () => ({ query: {}, accepts: () => false, records: new Map(), sorted: [], cursor: null, end: null, complete: false });
  let list = emptyList();
  let requested = list;
  /** Changes that came during a request, by id; null: the record was removed. */
  let lateChanges = new Map();
  let state = "idle";
  let problem = null;
  let request = null;
  let retry = () => {};

  /** One request at a time; a new one aborts the running one. */
  async function run(work, repeat) {
    request?.abort();
    const controller = new AbortController();
    request = controller;
    retry = repeat;
    lateChanges = new Map();
    state = "loading";
    problem = null;
    changed();
    try {
      await work(controller.signal);
      if (request !== controller) return;
      state = "ready";
    } catch (error) {
      if (request !== controller) return;
      state = "failed";
      problem = error;
    }
    request = null;
    changed();
  }

  async function read({ query }, cursor, limit, signal) {
    await whenJoined(); // read after the socket has joined, so that no event is missed in between
    signal.throwIfAborted();
    const since = nextVersion();
    const answer = await call("GET", path, { query: { ...query, limit, cursor }, signal });
    signal.throwIfAborted();
    const answered = listOf(answer, name);
    return { answered, records: newestOf(name, answered, since), cursor: answer.next_cursor ?? null };
  }

  /** Appends a page to `to`. */
  function append(to, { answered, records, cursor }) {
    records.forEach((record, at) => {
      const asAnswered = record === answered[at];
      if (to.records.has(record.id)) place(to, record);
      else if (asAnswered) add(to, record, to.sorted.length);
      else if (to.accepts(record)) add(to, record, position(to, record));
    });
    Object.assign(to, { cursor, end: answered.at(-1) ?? to.end, complete: !cursor });
    for (const [id, record] of lateChanges) {
      if (record) place(to, record);
      else remove(to, id);
    }
    arrived(records);
  }

  function add(to, record, at) {
    to.records.set(record.id, record);
    to.sorted.splice(at, 0, record);
  }

  /** The index at which the record belongs. */
  function position({ sorted }, record) {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(sorted[middle], record) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function remove(from, id) {
    const before = from.records.get(id);
    if (!before) return;
    const guess = position(from, before);
    from.sorted.splice(from.sorted[guess] === before ? guess : from.sorted.indexOf(before), 1);
    from.records.delete(id);
  }

  /** Moves a changed record to its place, or removes it. Records after the last page read come with their page. */
  function place(to, record) {
    const before = to.records.get(record.id);
    if (before && before !== record && order(before, record) === 0 && to.accepts(record)) {
      to.records.set(record.id, record);
      to.sorted[to.sorted.indexOf(before)] = record;
      return;
    }
    remove(to, record.id);
    if (!to.accepts(record)) return;
    if (!to.complete && (!to.end || order(record, to.end) > 0)) return;
    add(to, record, position(to, record));
    if (to.sorted.length > MAX_LISTED_RECORDS) remove(to, to.sorted.at(-1).id);
  }

  /** Starts another list; the rows of the old one stay until the answer is here. */
  function ask(query, accepts) {
    const next = { ...emptyList(), query, accepts };
    requested = next;
    return run(async (signal) => {
      try {
        append(next, await read(next, null, page, signal));
      } finally {
        if (!signal.aborted) list = next;
      }
    }, () => ask(query, accepts));
  }

  const isFull = () => list.sorted.length >= MAX_LISTED_RECORDS;

  /** Reads the next page, unless a request runs or there is none. */
  function more(limit = page) {
    if (state !== "ready" || list.complete || isFull()) return undefined;
    const of = list;
    return run(async (signal) => append(of, await read(of, of.cursor, limit, signal)), () => {
      state = "ready";
      return more(limit);
    });
  }

  /** Reads everything in use again after an interruption; the rows stay until the answer is here. */
  function reload() {
    if (state === "idle") return undefined;
    if (requested !== list) return ask(requested.query, requested.accepts);
    const next = { ...emptyList(), query: list.query, accepts: list.accepts };
    const count = Math.min(Math.max(reach(), page), MAX_LISTED_RECORDS);
    return run(async (signal) => {
      do append(next, await read(next, next.cursor, count > page ? LARGE_PAGE : page, signal));
      while (!next.complete && next.sorted.length < count);
      requested = next;
      list = next;
    }, reload);
  }

  function recordChanged(record) {
    if (!record) return;
    if (request) lateChanges.set(record.id, record);
    place(list, record);
    changed();
  }

  /** Updates the copy of the contact in each record. */
  function contactChanged(contact) {
    if (!contact || name === "contacts") return;
    list.sorted.forEach((record, at) => {
      if (record.contact_id !== contact.id) return;
      list.sorted[at] = { ...record, contact };
      list.records.set(record.id, list.sorted[at]);
    });
    changed();
  }

  function recordDropped(gone) {
    if (gone.name !== name) return;
    if (request) lateChanges.set(gone.id, null);
    remove(list, gone.id);
    changed();
  }

  const stops = [on(name, recordChanged), on("contacts", contactChanged), on("dropped", recordDropped), on("resync", reload), registerFinder(name, (id) => list.records.get(id))];
  return {
    ask, more, reload,
    retry: () => retry(),
    /** Empties the list. */
    clear() {
      request?.abort();
      request = null;
      list = requested = emptyList();
      state = "idle";
    },
    /** Checks whether the filter still accepts this record. */
    recheck: (id) => recordChanged(list.records.get(id) ?? recordOf(name, id)),
    records: () => list.sorted,
    state: () => state,
    problem: () => problem,
    isComplete: () => list.complete,
    isFull,
    close() {
      request?.abort();
      request = null;
      for (const stop of stops) stop();
    },
  };
}
