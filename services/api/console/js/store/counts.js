// Numbers of conversations and bookings, counted by the server and read again after changes.

import { get } from "../network/rest.js";
import { store, on, publish } from "./store.js";

/** Delay between the first change and the request, which then covers later changes too. */
const COUNT_DELAY_MS = 1000;
const RETRY_MS = 10_000;

function counter(name) {
  let timer = null;
  let closed = false;

  async function count() {
    timer = null;
    try {
      const answer = await get(`/api/${name}/counts`);
      if (closed) return;
      store.counts[name] = answer.data;
      publish("counts", name);
    } catch {
      if (!closed) schedule(RETRY_MS);
    }
  }

  function schedule(delay = COUNT_DELAY_MS) {
    timer ??= setTimeout(count, delay);
  }

  return { count, schedule: () => schedule(), close: () => { closed = true; clearTimeout(timer); } };
}

/** Reads the counts now and after changes. → a function that stops it */
export function followCounts() {
  const conversations = counter("conversations");
  const bookings = counter("bookings");
  conversations.count();
  bookings.count();
  const stops = [
    on("conversations", conversations.schedule), on("message", conversations.schedule), on("resync", conversations.schedule),
    on("bookings", bookings.schedule), on("resync", bookings.schedule),
  ];
  return () => { for (const stop of [...stops, conversations.close, bookings.close]) stop(); };
}
