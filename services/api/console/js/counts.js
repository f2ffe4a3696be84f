// How many conversations and bookings there are, as the server counts them: again a moment after something changed.

import { get } from "./rest.js";
import { known, on, tell } from "./store.js";

/** From the first change to the request; what changes meanwhile is counted with it. */
const PAUSE_MS = 1000;
const RETRY_MS = 10_000;

function counter(name) {
  let timer = null;
  let closed = false;

  async function count() {
    timer = null;
    try {
      const answer = await get(`/api/${name}/counts`);
      if (closed) return;
      known.counts[name] = answer.data;
      tell("counts", name);
    } catch {
      if (!closed) later(RETRY_MS);
    }
  }

  function later(pause = PAUSE_MS) {
    timer ??= setTimeout(count, pause);
  }

  return { count, later: () => later(), close: () => { closed = true; clearTimeout(timer); } };
}

/** Counts now and after changes. Returns how to stop. */
export function followCounts() {
  const conversations = counter("conversations");
  const bookings = counter("bookings");
  conversations.count();
  bookings.count();
  const stops = [
    on("conversations", conversations.later), on("message", conversations.later), on("resync", conversations.later),
    on("bookings", bookings.later), on("resync", bookings.later),
  ];
  return () => { for (const stop of [...stops, conversations.close, bookings.close]) stop(); };
}
