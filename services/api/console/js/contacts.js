// The people who wrote.

import { fill, h, icon } from "./dom.js";
import { personName, phone, when } from "./format.js";
import { known, on } from "./store.js";
import { avatar, empty } from "./widgets.js";

/** Draws the view; returns {close}. */
export function showContacts(view) {
  const list = h("div");
  const search = h("input", { class: "input", type: "search", placeholder: "Search name or number", "aria-label": "Search contacts", oninput: () => draw() });

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const digits = wanted.replace(/\D/g, "");
    const people = [...known.contacts.values()]
      .filter((person) => !wanted || personName(person).toLowerCase().includes(wanted) || (digits && person.phone_number?.includes(digits)))
      .sort((one, other) => personName(one).localeCompare(personName(other)));
    if (!known.loaded.has("contacts")) return void fill(list, h("p", { class: "muted" }, "Loading…"));
    if (!people.length) return void fill(list, empty("contacts", wanted ? "Nobody found" : "No contacts yet", wanted ? "Try a part of the name or of the number." : "Whoever writes to one of your accounts appears here."));
    fill(list, h("div", { class: "rows" }, people.map(row)));
  }

  function row(person) {
    const name = personName(person);
    const talks = [...known.conversations.values()].filter((conversation) => conversation.contact_id === person.id);
    const about = [phone(person.phone_number) || "Number hidden by WhatsApp", person.created_at && `since ${when(person.created_at)}`].filter(Boolean).join(" · ");
    return h("article", { class: "row", "aria-label": name }, avatar(name),
      h("div", { class: "main" }, h("p", { class: "name" }, name), h("p", { class: "muted small" }, about)),
      h("div", { class: "side" }, talks.map((talk) => h("a", { class: "button small", href: `#/inbox/${talk.id}` }, icon("inbox"), talks.length > 1 ? (known.instances.get(talk.instance_id)?.instance_name ?? "Open") : "Open"))));
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Contacts"), h("p", { class: "muted" }, "Everybody who wrote to you, or was written to.")), h("div", { class: "search" }, icon("search"), search)),
    list));
  draw();
  const stops = ["contacts", "conversations"].map((topic) => on(topic, draw));
  return { close: () => { for (const stop of stops) stop(); } };
}
