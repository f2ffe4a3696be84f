// The inbox: conversations on the left, one thread on the right.

import { isClosed, isMine } from "./assignment.js";
import { fill, h } from "./dom.js";
import { marks } from "./drafts.js";
import { personName, summary, when } from "./format.js";
import { perFrame } from "./frame_scheduler.js";
import { messageHits } from "./message_results.js";
import { drawNote, failure } from "./list_footer.js";
import { matchesPerson, wordsOf } from "./search_match.js";
import { byOrder } from "./order_keys.js";
import { pagedList } from "./paged_list.js";
import { searchField } from "./search_field.js";
import { contactOf, conversationOf, known, on, pinConversation } from "./store.js";
import { openThread } from "./thread.js";
import { virtualList } from "./virtual_list.js";
import { avatar, empty } from "./widgets.js";

/** What the server is asked for, and the same about one record. */
const FILTERS = {
  Open: { query: { status: "open" }, accepts: (talk) => !isClosed(talk) },
  Unread: { query: { unread: "true" }, accepts: (talk) => talk.unread_count > 0 },
  Mine: { query: { status: "open", assigned_to: "me" }, accepts: (talk) => isMine(talk) && !isClosed(talk) },
  Closed: { query: { status: "closed" }, accepts: isClosed },
};
/** Conversations that are found stand above the messages that are found: a few of them, others when they are asked for. */
const FIRST_FOUND = 6;
const MORE_FOUND = 50;
const newestFirst = (one, other) => byOrder(other, one);

const personOf = (talk) => talk.contact ?? known.contacts.get(talk.contact_id);

function badge({ unread_count: count = 0 }) {
  if (!count) return null;
  return h("span", { class: "unread", role: "img", "aria-label": `${count} new ${count === 1 ? "message" : "messages"}` }, count > 99 ? "99+" : String(count));
}

/** The last words: an unsent message and a draft of ours come before what was said. */
function lastOf(last, { draft, unsent } = {}) {
  if (unsent) return [h("strong", { class: "unsent" }, "Not sent")];
  if (draft) return [h("strong", { class: "draft" }, "Draft: "), draft];
  return [last ? `${last.direction === "outbound" ? "You: " : ""}${summary(last)}` : ""];
}

function talkRow({ talk, name, mark, account, isOpen }) {
  const last = talk.last_message;
  return h("a", { class: "talk", href: `#/inbox/${talk.id}`, "data-key": talk.id, "aria-current": isOpen ? "true" : null },
    avatar(name),
    h("span", { class: "talk-main" },
      h("span", { class: "talk-top" }, h("strong", null, name), h("time", null, last ? when(last.timestamp) : "")),
      h("span", { class: "talk-last" }, ...lastOf(last, mark)),
      account && h("span", { class: "talk-account" }, account)),
    badge(talk));
}

function messageRow({ message, name }) {
  return h("a", { class: "talk", href: `#/inbox/${message.conversation_id}/${message.id}`, "data-message": message.id, "data-key": `message ${message.id}` },
    h("span", { class: "talk-main" },
      h("span", { class: "talk-top" }, h("strong", null, name), h("time", null, when(message.timestamp))),
      h("span", { class: "talk-last" }, `${message.direction === "outbound" ? "You: " : ""}${summary(message)}`)));
}

const isSamePlace = (one, other) => one.talk === other.talk || !one.talk || !other.talk || byOrder(one.talk, other.talk) === 0;

/** The left side. `opened()`: the id of the open conversation. → {element, recheck(id), close} */
function conversationList(opened) {
  let kept = marks();
  const draw = perFrame(drawNow);
  const options = { name: "conversations", path: "/api/conversations", order: newestFirst, changed: draw, reach: () => rows.reach() };
  const talks = pagedList(options);
  const found = pagedList({ ...options, page: FIRST_FOUND });
  const hits = messageHits(draw);
  const search = searchField("Search", "Search conversations and messages", searched);
  const filter = h("select", { class: "input", "aria-label": "Which conversations", onchange: () => { rows.toTop(); ask(); } }, Object.keys(FILTERS).map((name) => h("option", { value: name }, name)));
  const list = h("div", { class: "virtual" });
  const note = h("div", { class: "list-note" });
  const nav = h("nav", { class: "talks", "aria-label": "Conversations" }, list, note);
  const element = h("section", { class: "talks-pane", "aria-label": "Conversations" },
    h("header", null, h("div", { class: "talks-head" }, h("h1", null, "Inbox"), filter), search.element), nav);
  const rows = virtualList({
    scroller: nav, list, keyOf: (item) => item.key, stop: ".talk, .more-found", canStop: (item) => item.kind !== "title", unmoved: isSamePlace,
    current: opened, near: () => (search.text() ? hits.isAsked() && hits.more() : talks.more()),
    describe: (item) => ({ ...item, ...(item.talk ? describe(item.talk) : {}) }), make: (described) => MAKE[described.kind](described),
  });
  const MAKE = {
    talk: talkRow,
    message: messageRow,
    title: ({ title }) => h("h2", { class: "talks-title" }, title),
    more: () => h("button", { class: "button small more-found", type: "button", "data-key": "more-found", onclick: () => found.more(MORE_FOUND) }, "More conversations"),
    failed: ({ of }) => failure({ message: of.message }, found.retry),
  };

  function ask() {
    const { query, accepts } = FILTERS[filter.value];
    talks.ask(query, (talk) => talk.id === opened() || accepts(talk));
  }

  function searched() {
    const text = search.text();
    const words = wordsOf(text);
    hits.ask(text);
    rows.toTop();
    if (text) found.ask({ search: text }, (talk) => matchesPerson(words, personOf(talk)));
    else found.clear();
    draw();
  }

  function describe(talk) {
    const person = personOf(talk);
    if (!person && talk.contact_id) contactOf(talk.contact_id).catch(() => {});
    const account = known.instances.size > 1 ? known.instances.get(talk.instance_id)?.instance_name : null;
    return { name: personName(person), mark: kept.get(talk.id), account, isOpen: talk.id === opened() };
  }

  const talkItems = (records) => records.map((talk) => ({ kind: "talk", key: talk.id, talk }));

  function foundItems() {
    const items = talkItems(found.records());
    if (found.state() === "failed" && hits.isAsked()) items.push({ kind: "failed", key: "failed", of: { message: found.problem().message } });
    else if (!found.isComplete() && found.records().length) items.push({ kind: "more", key: "more" });
    const messages = hits.records();
    if (messages.length) items.push({ kind: "title", key: "title", title: "Messages" });
    for (const message of messages) items.push({ kind: "message", key: `message ${message.id}`, message, name: personName(hits.personOf(message)) });
    return items;
  }

  function drawNow() {
    list.hidden = false;
    if (!search.text()) {
      rows.show(talkItems(talks.records()), { complete: talks.isComplete() || talks.isFull() });
      return drawNote(note, talks, known.counts.conversations && !sum(known.counts.conversations)
        ? ["inbox", "No conversations yet", "When somebody writes to one of your accounts, the conversation appears here at once."]
        : ["check", "Nothing here", `No conversation is in “${filter.value}”.`]);
    }
    rows.show(foundItems(), { complete: !hits.isAsked() || hits.isComplete() || hits.isFull() });
    const last = hits.isAsked() ? hits : found;
    if (last.state() !== "ready" || found.state() === "loading") return drawNote(note, last.state() === "ready" ? found : last, null);
    fill(note, found.records().length || hits.records().length ? null : empty("search", "Nothing found", "No conversation or message matches."));
  }

  ask();
  const stops = ["contacts", "instances", "counts"].map((topic) => on(topic, draw));
  stops.push(on("drafts", () => { kept = marks(); draw(); }));
  stops.push(on("merged", () => { talks.reload(); found.reload(); }));
  return {
    element,
    draw,
    recheck: (id) => { talks.recheck(id); found.recheck(id); },
    close() {
      draw.cancel();
      for (const part of [search, talks, found, hits, rows]) part.close();
      for (const stop of stops) stop();
    },
  };
}

const sum = (counts) => (counts.open ?? 0) + (counts.closed ?? 0);

/** Draws the view; returns {close, open(conversationId, messageId)}. */
export function showInbox(view, id, message) {
  let thread = null;
  let opened = null;
  let openedAt = null;
  const list = conversationList(() => opened);
  const pane = h("section", { class: "thread-pane", "aria-label": "Conversation" });
  const element = h("div", { class: "inbox" }, list.element, pane);

  function open(next, at = null) {
    if (next === opened && thread && (!at || at === openedAt)) return;
    thread?.close();
    thread = null;
    const before = opened;
    [opened, openedAt] = [next, at];
    element.classList.toggle("has-thread", Boolean(next));
    pinConversation(next);
    if (before) list.recheck(before);
    if (next) {
      conversationOf(next).catch(() => {}); // the thread says what is wrong with it
      list.recheck(next);
      thread = openThread(pane, next, at);
    } else fill(pane, empty("inbox", "Choose a conversation", "Read along live and answer from here."));
    list.draw();
  }

  fill(view, element);
  open(id, message);
  // what is open is read again with the rest, also when no page on show has it
  const stop = on("resync", () => opened && conversationOf(opened, true).catch(() => {}));
  return { open, close: () => { thread?.close(); stop(); list.close(); pinConversation(null); } };
}
