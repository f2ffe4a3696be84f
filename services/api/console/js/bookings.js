// Bookings by status, with what can be done about each.

import { fill, h, icon } from "./dom.js";
import { personName, phone, when } from "./format.js";
import { post } from "./rest.js";
import { contactOf, known, on, put } from "./store.js";
import { avatar, busy, empty, roving } from "./widgets.js";

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

/** Draws the view; returns {close}. */
export function showBookings(view) {
  let shown = "pending";
  const problems = new Map();
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Status" });
  const list = h("div", { role: "tabpanel", id: "bookings-panel", "aria-label": "Bookings" });
  roving(tabs, ".tab");

  function draw() {
    const all = [...known.bookings.values()].sort((one, other) => other.created_at.localeCompare(one.created_at));
    const of = (status) => all.filter((booking) => status === "all" || booking.status === status);
    fill(tabs, ...[...Object.keys(STATES), "all"].map((status) => h("button", {
      class: "tab", type: "button", role: "tab", "data-key": status, "aria-selected": String(status === shown), "aria-controls": "bookings-panel",
      tabindex: status === shown ? 0 : -1, onclick: () => { shown = status; draw(); } },
    `${STATES[status]?.[0] ?? "All"} (${of(status).length})`)));
    const wanted = of(shown);
    if (!known.loaded.has("bookings")) return void fill(list, h("p", { class: "muted" }, "Loading…"));
    if (!wanted.length) return void fill(list, empty("bookings", all.length ? "Nothing here" : "No bookings yet", "A customer's first message opens a booking; it appears here at once."));
    fill(list, h("div", { class: "rows" }, wanted.map(row)));
  }

  function row(booking) {
    const person = known.contacts.get(booking.contact_id);
    if (!person) contactOf(booking.contact_id).catch(() => {});
    const [word, kind] = STATES[booking.status];
    const name = personName(person);
    const talk = [...known.conversations.values()].find((conversation) => conversation.contact_id === booking.contact_id && conversation.instance_id === booking.instance_id);
    const act = (action) => (event) => busy(event.currentTarget, () => change(booking, action), (problem) => { problems.set(booking.id, problem.message); draw(); });
    return h("article", { class: "row", "data-id": booking.id, "aria-label": `Booking of ${name}` },
      avatar(name),
      h("div", { class: "main" },
        h("p", { class: "name" }, name, h("span", { class: `badge dot ${kind}` }, word)),
        h("p", { class: "quote" }, booking.text ? `“${booking.text}”` : "Opened by a message without text"),
        h("p", { class: "muted small" }, [phone(person?.phone_number), when(booking.created_at)].filter(Boolean).join(" · "))),
      h("div", { class: "side" },
        talk ? h("a", { class: "button quiet small icon-only", href: `#/inbox/${talk.id}`, "aria-label": `Open the conversation with ${name}`, title: "Open the conversation" }, icon("inbox")) : null,
        (ACTIONS[booking.status] ?? []).map(([action, label, style]) => h("button", { class: `button small ${style}`, type: "button", "data-key": `${booking.id}-${action}`, onclick: act(action) }, label))),
      problems.has(booking.id) ? h("p", { class: "error", role: "alert" }, problems.get(booking.id)) : null);
  }

  async function change(booking, action) {
    problems.delete(booking.id);
    const answer = await post(`/api/bookings/${encodeURIComponent(booking.id)}/${action}`);
    const record = answer.data ?? answer.booking;
    if (record?.id) put("bookings", record);
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Bookings"), h("p", { class: "muted" }, "Opened by the messages of your customers."))),
    tabs, list));
  draw();
  const stops = ["bookings", "contacts", "conversations"].map((topic) => on(topic, draw));
  return { close: () => { for (const stop of stops) stop(); } };
}
