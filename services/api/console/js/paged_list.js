// A list that the server pages: the records read so far in their order, kept current by what the socket tells.

import { listening } from "./socket.js";
import { call } from "./rest.js";
import { holds, listOf, mark, on, recordOf, upToDate } from "./store.js";

/** Records one list holds at most; who looks for others searches. */
const MAX_LISTED_RECORDS = 10_000;
const PAGE = 50;
/** Of a reading again, which wants many at once. */
const LARGE_PAGE = 200;

/**
 * `name`: of the records in the store; `order(one, other)`: as the server sorts, the first of the list first;
 * `changed()`: there is something to draw; `arrived(records)`: of a page; `reach()`: how many records are in use when
 * all is read again.
 */
export function pagedList({ name, path, order, changed, arrived = () => {}, reach = () => 0, page = PAGE }) {
  const nothing = () => ({ query: {}, accepts: () => false, records: new Map(), sorted: [], cursor: null, end: null, complete: false });
  let list = nothing();
  let wanted = list;
  /** What the socket told while a request was under way, by id; null: the record is no more. */
  let late = new Map();
  let state = "idle";
  let problem = null;
  let running = null;
  let again = () => {};

  /** One request at a time; a newer one takes the place of what runs. */
  async function run(work, retry) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    again = retry;
    late = new Map();
    state = "loading";
    problem = null;
    changed();
    try {
      await work(mine.signal);
      if (running !== mine) return;
      state = "ready";
    } catch (error) {
      if (running !== mine) return;
      state = "failed";
      problem = error;
    }
    running = null;
    changed();
  }

  async function read({ query }, cursor, limit, signal) {
    await listening(); // read behind the socket's beginning, so that nothing falls between the two
    signal.throwIfAborted();
    const since = mark();
    const answer = await call("GET", path, { query: { ...query, limit, cursor }, signal });
    signal.throwIfAborted();
    const found = listOf(answer, name);
    return { found, records: upToDate(name, found, since), cursor: answer.next_cursor ?? null };
  }

  /** Puts a page at the end of `to`. */
  function append(to, { found, records, cursor }) {
    records.forEach((record, at) => {
      const asAnswered = record === found[at];
      if (to.records.has(record.id)) place(to, record);
      else if (asAnswered) add(to, record, to.sorted.length);
      else if (to.accepts(record)) add(to, record, position(to, record));
    });
    Object.assign(to, { cursor, end: found.at(-1) ?? to.end, complete: !cursor });
    for (const [id, record] of late) {
      if (record) place(to, record);
      else remove(to, id);
    }
    arrived(records);
  }

  function add(to, record, at) {
    to.records.set(record.id, record);
    to.sorted.splice(at, 0, record);
  }

  /** Where the record belongs. */
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

  /** A record as it is now: in its place, or not in the list. What lies behind the last page read comes with its page. */
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

  /** Another list: the rows of the one before stay until the answer is here. */
  function ask(query, accepts) {
    const next = { ...nothing(), query, accepts };
    wanted = next;
    return run(async (signal) => {
      try {
        append(next, await read(next, null, page, signal));
      } finally {
        if (!signal.aborted) list = next;
      }
    }, () => ask(query, accepts));
  }

  const isFull = () => list.sorted.length >= MAX_LISTED_RECORDS;

  /** The next page, unless something is read already or there is none. */
  function more(limit = page) {
    if (state !== "ready" || list.complete || isFull()) return undefined;
    const of = list;
    return run(async (signal) => append(of, await read(of, of.cursor, limit, signal)), () => {
      state = "ready";
      return more(limit);
    });
  }

  /** All that is in use once more, after the socket was away; the rows stay until the answer is here. */
  function reload() {
    if (state === "idle") return undefined;
    if (wanted !== list) return ask(wanted.query, wanted.accepts);
    const next = { ...nothing(), query: list.query, accepts: list.accepts };
    const many = Math.min(Math.max(reach(), page), MAX_LISTED_RECORDS);
    return run(async (signal) => {
      do append(next, await read(next, next.cursor, many > page ? LARGE_PAGE : page, signal));
      while (!next.complete && next.sorted.length < many);
      wanted = next;
      list = next;
    }, reload);
  }

  function told(record) {
    if (!record) return;
    if (running) late.set(record.id, record);
    place(list, record);
    changed();
  }

  /** Records carry their contact as it was when they were read. */
  function renamed(contact) {
    if (!contact || name === "contacts") return;
    list.sorted.forEach((record, at) => {
      if (record.contact_id !== contact.id) return;
      list.sorted[at] = { ...record, contact };
      list.records.set(record.id, list.sorted[at]);
    });
    changed();
  }

  function dropped(gone) {
    if (gone.name !== name) return;
    if (running) late.set(gone.id, null);
    remove(list, gone.id);
    changed();
  }

  const stops = [on(name, told), on("contacts", renamed), on("dropped", dropped), on("resync", reload), holds(name, (id) => list.records.get(id))];
  return {
    ask, more, reload,
    retry: () => again(),
    /** Nothing is on show of it any more. */
    clear() {
      running?.abort();
      running = null;
      list = wanted = nothing();
      state = "idle";
    },
    /** The filter may say something else about this record now. */
    recheck: (id) => told(list.records.get(id) ?? recordOf(name, id)),
    records: () => list.sorted,
    state: () => state,
    problem: () => problem,
    isComplete: () => list.complete,
    isFull,
    close() {
      running?.abort();
      running = null;
      for (const stop of stops) stop();
    },
  };
}
