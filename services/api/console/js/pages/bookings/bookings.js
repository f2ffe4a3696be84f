// Bookings by status, with their actions.

import { fill, h, icon } from "../../components/dom.js";
import { personName, phone, when } from "../../format.js";
import { oncePerFrame } from "../../components/frame_scheduler.js";
import { drawListFooter } from "../../components/list_footer.js";
import { matchesPerson, wordsOf } from "../../store/search_match.js";
import { pagedList } from "../../store/paged_list.js";
import { post } from "../../network/rest.js";
import { searchField } from "../../components/search_field.js";
import { contactOf, store, on, put } from "../../store/store.js";
import { contactConversations } from "../people/contact_conversations.js";
import { describedRows } from "../../components/described_rows.js";
import { virtualList } from "../../components/virtual_list.js";
import { avatar, busy, rovingFocus } from "../../components/widgets.js";

const STATES = {
  pending: ["Waiting", "warn"],
  confirmed: ["Confirmed", "info"],
  completed: ["Completed", "ok"],
  no_show: ["No-show", "bad"],
  cancelled: ["Cancelled", ""],
};

const ACTIONS = {
  pending: [["confirm", "Confirm", "primary"], ["cancel", "Cancel", "danger"]],
  confirmed: [["complete", "Complete", "primary"], ["no-show", "No-show", ""], ["cancel", "Cancel", "danger"]],
};

const TABS = [...Object.keys(STATES), "all"];
const newestFirst = (one, other) => {
  const between = Date.parse(other.created_at) - Date.parse(one.created_at);
  return between || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);
};

const personOf = (booking) => booking.contact ?? store.contacts.get(booking.contact_id);

/** Draws the view; returns {close}. */
export function showBookings(view) {
  let shown = "pending";
  const problems = new Map();
  const draw = oncePerFrame(drawNow);
  const conversations = contactConversations(draw);
  const bookings = pagedList({
    name: "bookings", path: "/api/bookings", order: newestFirst, changed: draw,
    arrived: (records) => conversations.read(records.map((booking) => booking.contact_id)), reach: () => rows.reach(),
  });
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Status" });
  const list = h("div", { class: "rows virtual" });
  const footer = h("div", { class: "list-footer" });
  const search = searchField("Search name, number or text", "Search bookings", ask);
  const rows = virtualList({
    scroller: view, list, keyOf: (booking) => booking.id, renderRow: describedRows(describe, row), stop: ".row",
    isSamePlace: (one, other) => newestFirst(one, other) === 0, nearEnd: () => bookings.more(),
  });
  rovingFocus(tabs, ".tab");

  function ask() {
    const [status, words] = [shown, wordsOf(search.text())];
    const accepts = (booking) => (status === "all" || booking.status === status) && matchesPerson(words, personOf(booking), booking.text);
    rows.toTop();
    bookings.ask({ status: status === "all" ? null : status, search: search.text() }, accepts);
    draw();
  }

  function choose(status) {
    shown = status;
    ask();
  }

  const countOf = (status) => {
    const counts = store.counts.bookings;
    return counts && (status === "all" ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[status] ?? 0);
  };

  function drawTabs() {
    fill(tabs, ...TABS.map((status) => {
      const [word, count] = [STATES[status]?.[0] ?? "All", countOf(status)];
      return h("button", {
        class: "tab", type: "button", role: "tab", "data-key": status, "aria-selected": String(status === shown), "aria-controls": "bookings-panel",
        tabindex: status === shown ? 0 : -1, onclick: () => choose(status),
      }, count === null ? word : `${word} (${count})`);
    }));
  }

  function describe(booking) {
    const person = personOf(booking);
    if (!person) contactOf(booking.contact_id).catch(() => {});
    const conversation = conversations.of(booking.contact_id).find((each) => each.instance_id === booking.instance_id);
    return { booking, person, conversationId: conversation?.id, problem: problems.get(booking.id) };
  }

  function drawNow() {
    const items = [...bookings.records()];
    drawTabs();
    list.hidden = !items.length;
    rows.show(items, { complete: bookings.isComplete() || bookings.isFull() });
    drawListFooter(footer, bookings, search.text()
      ? ["search", "Nothing found", "No booking of this status matches."]
      : ["bookings", countOf("all") ? "Nothing here" : "No bookings yet", "A customer's first message opens a booking; it appears here at once."]);
  }

  function row({ booking, person, conversationId, problem }) {
    const [word, kind] = STATES[booking.status];
    const name = personName(person);
    const act = (action) => (event) => busy(event.currentTarget, () => change(booking, action), (error) => { problems.set(booking.id, error.message); draw(); });
    return h("article", { class: "row", "data-id": booking.id, "data-key": `row ${booking.id}`, "aria-label": `Booking of ${name}` },
      avatar(name),
      h("div", { class: "main" },
        h("p", { class: "name" }, name, h("span", { class: `badge dot ${kind}` }, word)),
        h("p", { class: "quote" }, booking.text ? `“${booking.text}”` : "Opened by a message without text"),
        h("p", { class: "muted small" }, [phone(person?.phone_number), when(booking.created_at)].filter(Boolean).join(" · "))),
      h("div", { class: "side" },
        conversationId ? h("a", { class: "button quiet small icon-only", href: `#/inbox/${conversationId}`, "data-key": `${booking.id}-open`, "aria-label": `Open the conversation with ${name}`, title: "Open the conversation" }, icon("inbox")) : null,
        (ACTIONS[booking.status] ?? []).map(([action, label, style]) => h("button", { class: `button small ${style}`, type: "button", "data-key": `${booking.id}-${action}`, onclick: act(action) }, label))),
      problem ? h("p", { class: "error", role: "alert" }, problem) : null);
  }

  async function change(booking, action) {
    problems.delete(booking.id);
    const answer = await post(`/api/bookings/${encodeURIComponent(booking.id)}/${action}`);
    const record = answer.data ?? answer.booking;
    if (record?.id) put("bookings", record);
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Bookings"), h("p", { class: "muted" }, "Opened by the messages of your customers.")), search.element),
    tabs, h("div", { class: "listing", role: "tabpanel", id: "bookings-panel", "aria-label": "Bookings" }, list, footer)));
  ask();
  const stops = ["contacts", "counts"].map((topic) => on(topic, draw));
  stops.push(on("merged", () => bookings.reload()));
  return {
    close() {
      draw.cancel();
      for (const part of [search, bookings, conversations, rows]) part.close();
      for (const stop of stops) stop();
    },
  };
}
