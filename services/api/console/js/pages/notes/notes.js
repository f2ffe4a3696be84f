// Notes: what owners wrote to themselves; they are never messages of a customer.

import { fill, h, icon } from "../../components/dom.js";
import { clock, day, DELETED } from "../../format.js";
import { byOrder } from "../../store/order_keys.js";
import { get } from "../../network/rest.js";
import { store, on } from "../../store/store.js";
import { busy, emptyState, toast } from "../../components/widgets.js";

const PAGE_SIZE = 50;

/** Draws the view; returns {close}. */
export function showNotes(view) {
  const notes = new Map();
  const list = h("div");
  const more = h("button", { class: "button load-page", type: "button", hidden: true, onclick: () => read() }, "Older notes");
  let cursor = null;
  let loaded = false;

  function draw() {
    if (!loaded) return void fill(list, h("p", { class: "muted" }, "Loading…"));
    more.hidden = !cursor;
    if (!notes.size) return void fill(list, emptyState("note", "No notes yet", "Write to yourself on WhatsApp, from one of your own numbers: it is kept here."));
    const newest = [...notes.values()].sort((one, other) => byOrder(other, one));
    fill(list, h("div", { class: "rows" }, newest.map(row)));
  }

  function row(note) {
    const account = store.instances.get(note.instance_id)?.instance_name;
    const about = [day(note.timestamp), clock(note.timestamp), account].filter(Boolean).join(" · ");
    return h("article", { class: "row note-row", "data-id": note.id }, h("span", { class: "note-icon" }, icon("note")),
      h("div", { class: "main" }, h("p", { class: "note-text" }, note.revoked_at ? DELETED : note.text || "Without text"), h("p", { class: "muted small" }, about)));
  }

  async function read() {
    await busy(more, async () => {
      const answer = await get("/api/messages", { kind: "note", limit: PAGE_SIZE, cursor });
      for (const note of answer.data ?? []) notes.set(note.id, note);
      cursor = answer.next_cursor;
    }, (problem) => problem.status !== 401 && toast(`Notes: ${problem.message}`, "bad"));
    loaded = true;
    draw();
  }

  function readAgain() {
    cursor = null;
    read();
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Notes"), h("p", { class: "muted" }, "What owners wrote to themselves, from their own numbers."))),
    list, more));
  draw();
  read();
  const stops = [on("note", (note) => { notes.set(note.id, note); draw(); }), on("instances", draw), on("resync", readAgain)];
  return { close: () => { for (const stop of stops) stop(); } };
}
