// The list of contacts.

import { fill, h, icon } from "../../components/dom.js";
import { personName, phone, when } from "../../format.js";
import { oncePerFrame } from "../../components/frame_scheduler.js";
import { drawListFooter } from "../../components/list_footer.js";
import { byName, matchesPerson, wordsOf } from "../../store/search_match.js";
import { pagedList } from "../../store/paged_list.js";
import { searchField } from "../../components/search_field.js";
import { store, on } from "../../store/store.js";
import { contactConversations } from "./contact_conversations.js";
import { describedRows } from "../../components/described_rows.js";
import { virtualList } from "../../components/virtual_list.js";
import { avatar } from "../../components/widgets.js";

function row({ person, name, conversations }) {
  const about = [phone(person.phone_number) || "Number hidden by WhatsApp", person.created_at && `since ${when(person.created_at)}`].filter(Boolean).join(" · ");
  return h("article", { class: "row", "aria-label": name, "data-key": `row ${person.id}` }, avatar(name),
    h("div", { class: "main" }, h("p", { class: "name" }, name), h("p", { class: "muted small" }, about)),
    h("div", { class: "side" }, conversations.map(({ id, account }) => h("a", { class: "button small", href: `#/inbox/${id}`, "data-key": `open ${id}`, "aria-label": `Open the conversation with ${name}${account ? ` on ${account}` : ""}` }, icon("inbox"), account ?? "Open"))));
}

/** Draws the view; returns {close}. */
export function showContacts(view) {
  const draw = oncePerFrame(drawNow);
  const conversations = contactConversations(draw);
  const people = pagedList({
    name: "contacts", path: "/api/contacts", order: byName, changed: draw,
    arrived: (records) => conversations.read(records.map((person) => person.id)), reach: () => rows.reach(),
  });
  const list = h("div", { class: "rows virtual" });
  const footer = h("div", { class: "list-footer" });
  const search = searchField("Search name or number", "Search contacts", ask);
  const rows = virtualList({
    scroller: view, list, keyOf: (person) => person.id, renderRow: describedRows(describe, row), stop: ".row",
    isSamePlace: (one, other) => byName(one, other) === 0, nearEnd: () => people.more(),
  });

  function ask() {
    const words = wordsOf(search.text());
    rows.toTop();
    people.ask({ sort: "name", search: search.text() }, (person) => matchesPerson(words, person));
  }

  function describe(person) {
    const found = conversations.of(person.id);
    const account = (conversation) => (found.length > 1 ? store.instances.get(conversation.instance_id)?.instance_name ?? null : null);
    return { person, name: personName(person), conversations: found.map((conversation) => ({ id: conversation.id, account: account(conversation) })) };
  }

  function drawNow() {
    const items = [...people.records()];
    list.hidden = !items.length;
    rows.show(items, { complete: people.isComplete() || people.isFull() });
    drawListFooter(footer, people, search.text()
      ? ["contacts", "Nobody found", "Try a part of the name or of the number."]
      : ["contacts", "No contacts yet", "Whoever writes to one of your accounts appears here."]);
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Contacts"), h("p", { class: "muted" }, "Everybody who wrote to you, or was written to.")), search.element),
    h("div", { class: "listing" }, list, footer)));
  ask();
  const stops = [on("instances", draw), on("merged", () => people.reload())];
  return {
    close() {
      draw.cancel();
      for (const part of [search, people, conversations, rows]) part.close();
      for (const stop of stops) stop();
    },
  };
}
