// The inbox: conversations on the left, one thread on the right.

import { isClosed, isMine } from "./assignment.js";
import { fill, h } from "../../components/dom.js";
import { draftMarks } from "../../store/drafts.js";
import { personName, summary, when } from "../../format.js";
import { oncePerFrame } from "../../components/frame_scheduler.js";
import { messageResults } from "./message_results.js";
import { drawListFooter, failureBox } from "../../components/list_footer.js";
import { matchesPerson, wordsOf } from "../../store/search_match.js";
import { byOrder } from "../../store/order_keys.js";
import { pagedList } from "../../store/paged_list.js";
import { searchField } from "../../components/search_field.js";
import { contactOf, conversationOf, store, on, pinConversation } from "../../store/store.js";
import { openThread } from "./thread.js";
import { describedRows } from "../../components/described_rows.js";
import { virtualList } from "../../components/virtual_list.js";
import { avatar, emptyState } from "../../components/widgets.js";

/** By filter: the query for the server, and the same condition for one record. */
const FILTERS = {
  Open: { query: { status: "open" }, accepts: (conversation) => !isClosed(conversation) },
  Unread: { query: { unread: "true" }, accepts: (conversation) => conversation.unread_count > 0 },
  Mine: { query: { status: "open", assigned_to: "me" }, accepts: (conversation) => isMine(conversation) && !isClosed(conversation) },
  Closed: { query: { status: "closed" }, accepts: isClosed },
};
/** Search results: conversations stand above messages. At first a few conversations, more of them on request. */
const FIRST_RESULTS = 6;
const MORE_RESULTS = 50;
const newestFirst = (one, other) => byOrder(other, one);

const personOf = (conversation) => conversation.contact ?? store.contacts.get(conversation.contact_id);

function badge({ unread_count: count = 0 }) {
  if (!count) return null;
  return h("span", { class: "unread", role: "img", "aria-label": `${count} new ${count === 1 ? "message" : "messages"}` }, count > 99 ? "99+" : String(count));
}

/** The preview line: an unsent message or a draft takes precedence over the last message. */
function lastOf(last, { draft, unsent } = {}) {
  if (unsent) return [h("strong", { class: "unsent" }, "Not sent")];
  if (draft) return [h("strong", { class: "draft" }, "Draft: "), draft];
  return [last ? `${last.direction === "outbound" ? "You: " : ""}${summary(last)}` : ""];
}

function conversationRow({ conversation, name, draftMark, account, isOpen }) {
  const last = conversation.last_message;
  return h("a", { class: "conversation", href: `#/inbox/${conversation.id}`, "data-key": conversation.id, "aria-current": isOpen ? "true" : null },
    avatar(name),
    h("span", { class: "conversation-main" },
      h("span", { class: "conversation-top" }, h("strong", null, name), h("time", null, last ? when(last.timestamp) : "")),
      h("span", { class: "conversation-last" }, ...lastOf(last, draftMark)),
      account && h("span", { class: "conversation-account" }, account)),
    badge(conversation));
}

function messageRow({ message, name }) {
  return h("a", { class: "conversation", href: `#/inbox/${message.conversation_id}/${message.id}`, "data-message": message.id, "data-key": `message ${message.id}` },
    h("span", { class: "conversation-main" },
      h("span", { class: "conversation-top" }, h("strong", null, name), h("time", null, when(message.timestamp))),
      h("span", { class: "conversation-last" }, `${message.direction === "outbound" ? "You: " : ""}${summary(message)}`)));
}

const isSamePlace = (one, other) => one.conversation === other.conversation || !one.conversation || !other.conversation || byOrder(one.conversation, other.conversation) === 0;

/** The pane with the list. `openId()`: id of the open conversation. → {element, recheck(id), close} */
function conversationList(openId) {
  let draftMarksById = draftMarks();
  const draw = oncePerFrame(drawNow);
  const options = { name: "conversations", path: "/api/conversations", order: newestFirst, changed: draw, reach: () => rows.reach() };
  const conversations = pagedList(options);
  const results = pagedList({ ...options, page: FIRST_RESULTS });
  const messageList = messageResults(draw);
  const search = searchField("Search", "Search conversations and messages", searchChanged);
  const filter = h("select", { class: "input", "aria-label": "Which conversations", onchange: () => { rows.toTop(); ask(); } }, Object.keys(FILTERS).map((name) => h("option", { value: name }, name)));
  const list = h("div", { class: "virtual" });
  const footer = h("div", { class: "list-footer" });
  const nav = h("nav", { class: "conversations", "aria-label": "Conversations" }, list, footer);
  const element = h("section", { class: "conversations-pane", "aria-label": "Conversations" },
    h("header", null, h("div", { class: "conversations-head" }, h("h1", null, "Inbox"), filter), search.element), nav);
  const rows = virtualList({
    scroller: nav, list, keyOf: (item) => item.key, stop: ".conversation, .more-results", canStop: (item) => item.kind !== "title", isSamePlace,
    current: openId, nearEnd: () => (search.text() ? messageList.isActive() && messageList.more() : conversations.more()),
    renderRow: describedRows((item) => ({ ...item, ...(item.conversation ? describe(item.conversation) : {}) }), (described) => MAKE[described.kind](described)),
  });
  const MAKE = {
    conversation: conversationRow,
    message: messageRow,
    title: ({ title }) => h("h2", { class: "conversations-title" }, title),
    more: () => h("button", { class: "button small more-results", type: "button", "data-key": "more-results", onclick: () => results.more(MORE_RESULTS) }, "More conversations"),
    failed: ({ of }) => failureBox({ message: of.message }, results.retry),
  };

  function ask() {
    const { query, accepts } = FILTERS[filter.value];
    conversations.ask(query, (conversation) => conversation.id === openId() || accepts(conversation));
  }

  function searchChanged() {
    const text = search.text();
    const words = wordsOf(text);
    messageList.ask(text);
    rows.toTop();
    if (text) results.ask({ search: text }, (conversation) => matchesPerson(words, personOf(conversation)));
    else results.clear();
    draw();
  }

  function describe(conversation) {
    const person = personOf(conversation);
    if (!person && conversation.contact_id) contactOf(conversation.contact_id).catch(() => {});
    const account = store.instances.size > 1 ? store.instances.get(conversation.instance_id)?.instance_name : null;
    return { name: personName(person), draftMark: draftMarksById.get(conversation.id), account, isOpen: conversation.id === openId() };
  }

  const conversationItems = (records) => records.map((conversation) => ({ kind: "conversation", key: conversation.id, conversation }));

  function resultItems() {
    const items = conversationItems(results.records());
    if (results.state() === "failed" && messageList.isActive()) items.push({ kind: "failed", key: "failed", of: { message: results.problem().message } });
    else if (!results.isComplete() && results.records().length) items.push({ kind: "more", key: "more" });
    const messages = messageList.records();
    if (messages.length) items.push({ kind: "title", key: "title", title: "Messages" });
    for (const message of messages) items.push({ kind: "message", key: `message ${message.id}`, message, name: personName(messageList.personOf(message)) });
    return items;
  }

  function drawNow() {
    list.hidden = false;
    if (!search.text()) {
      rows.show(conversationItems(conversations.records()), { complete: conversations.isComplete() || conversations.isFull() });
      return drawListFooter(footer, conversations, store.counts.conversations && !sum(store.counts.conversations)
        ? ["inbox", "No conversations yet", "When somebody writes to one of your accounts, the conversation appears here at once."]
        : ["check", "Nothing here", `No conversation is in “${filter.value}”.`]);
    }
    rows.show(resultItems(), { complete: !messageList.isActive() || messageList.isComplete() || messageList.isFull() });
    const last = messageList.isActive() ? messageList : results;
    if (last.state() !== "ready" || results.state() === "loading") return drawListFooter(footer, last.state() === "ready" ? results : last, null);
    fill(footer, results.records().length || messageList.records().length ? null : emptyState("search", "Nothing found", "No conversation or message matches."));
  }

  ask();
  const stops = ["contacts", "instances", "counts"].map((topic) => on(topic, draw));
  stops.push(on("drafts", () => { draftMarksById = draftMarks(); draw(); }));
  stops.push(on("merged", () => { conversations.reload(); results.reload(); }));
  return {
    element,
    draw,
    recheck: (id) => { conversations.recheck(id); results.recheck(id); },
    close() {
      draw.cancel();
      for (const part of [search, conversations, results, messageList, rows]) part.close();
      for (const stop of stops) stop();
    },
  };
}

const sum = (counts) => (counts.open ?? 0) + (counts.closed ?? 0);

/** Draws the view; returns {close, open(conversationId, messageId)}. */
export function showInbox(view, id, message) {
  let thread = null;
  let openId = null;
  let openMessageId = null;
  const list = conversationList(() => openId);
  const pane = h("section", { class: "thread-pane", "aria-label": "Conversation" });
  const element = h("div", { class: "inbox" }, list.element, pane);

  function open(next, at = null) {
    if (next === openId && thread && (!at || at === openMessageId)) return;
    thread?.close();
    thread = null;
    const before = openId;
    [openId, openMessageId] = [next, at];
    element.classList.toggle("has-thread", Boolean(next));
    pinConversation(next);
    if (before) list.recheck(before);
    if (next) {
      conversationOf(next).catch(() => {}); // the thread shows the error
      list.recheck(next);
      thread = openThread(pane, next, at);
    } else fill(pane, emptyState("inbox", "Choose a conversation", "Read along live and answer from here."));
    list.draw();
  }

  fill(view, element);
  open(id, message);
  // the open conversation is read again too: it may be in no loaded page
  const stop = on("resync", () => openId && conversationOf(openId, true).catch(() => {}));
  return { open, close: () => { thread?.close(); stop(); list.close(); pinConversation(null); } };
}
