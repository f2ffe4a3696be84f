// The inbox: conversations on the left, one thread on the right.

import { fill, h, icon } from "./dom.js";
import { personName, summary, when } from "./format.js";
import { known, on } from "./store.js";
import { openThread } from "./thread.js";
import { avatar, empty, roving } from "./widgets.js";

const personOf = (conversation) => known.contacts.get(conversation.contact_id) ?? conversation.contact;

/** Draws the view; returns {close, open(conversationId)}. */
export function showInbox(view, id) {
  const unread = new Set();
  const search = h("input", { class: "input", type: "search", placeholder: "Search", "aria-label": "Search conversations", oninput: () => drawList(), onkeydown: (event) => { if (event.key === "Escape") { search.value = ""; drawList(); } } });
  const list = h("nav", { class: "talks", "aria-label": "Conversations" });
  const pane = h("section", { class: "thread-pane", "aria-label": "Conversation" });
  const element = h("div", { class: "inbox" },
    h("section", { class: "talks-pane", "aria-label": "Conversations" }, h("header", null, h("h1", null, "Inbox"), h("div", { class: "search" }, icon("search"), search)), list),
    pane);
  let thread = null;
  let opened = null;
  roving(list, ".talk");

  function matching() {
    const wanted = search.value.trim().toLowerCase();
    const digits = wanted.replace(/\D/g, "");
    return [...known.conversations.values()]
      .filter((conversation) => {
        if (!wanted) return true;
        const person = personOf(conversation);
        return personName(person).toLowerCase().includes(wanted) || (digits && person?.phone_number?.includes(digits)) || conversation.last_message?.text?.toLowerCase().includes(wanted);
      })
      .sort((one, other) => other.updated_at.localeCompare(one.updated_at));
  }

  function drawList() {
    if (!known.loaded.has("conversations")) return void fill(list, h("p", { class: "muted pad" }, "Loading…"));
    const talks = matching();
    if (!talks.length) {
      const text = search.value ? "No conversation matches." : "When somebody writes to one of your accounts, the conversation appears here at once.";
      return void fill(list, empty(search.value ? "search" : "inbox", search.value ? "Nothing found" : "No conversations yet", text));
    }
    const several = known.instances.size > 1;
    fill(list, ...talks.map((conversation, at) => talkItem(conversation, several, conversation.id === opened || (!opened && at === 0))));
  }

  function talkItem(conversation, several, reachable) {
    const person = personOf(conversation);
    const name = personName(person);
    const last = conversation.last_message;
    const account = several ? known.instances.get(conversation.instance_id)?.instance_name : null;
    return h("a", { class: "talk", href: `#/inbox/${conversation.id}`, "data-key": conversation.id, tabindex: reachable ? 0 : -1, "aria-current": conversation.id === opened ? "true" : null },
      avatar(name),
      h("span", { class: "talk-main" },
        h("span", { class: "talk-top" }, h("strong", null, name), h("time", null, last ? when(last.timestamp) : "")),
        h("span", { class: "talk-last" }, last ? `${last.direction === "outbound" ? "You: " : ""}${summary(last)}` : ""),
        account && h("span", { class: "talk-account" }, account)),
      unread.has(conversation.id) ? h("span", { class: "unread", role: "img", "aria-label": "new messages" }) : null);
  }

  function open(next) {
    if (next === opened && thread) return;
    thread?.close();
    thread = null;
    opened = next;
    unread.delete(next);
    element.classList.toggle("has-thread", Boolean(next));
    if (next) thread = openThread(pane, next);
    else fill(pane, empty("inbox", "Choose a conversation", "Read along live and answer from here."));
    drawList();
  }

  function arrived(message) {
    if (message.direction === "inbound" && message.conversation_id !== opened) unread.add(message.conversation_id);
    drawList();
  }

  fill(view, element);
  open(id);
  const stops = [on("conversations", drawList), on("contacts", drawList), on("instances", drawList), on("message", arrived)];
  return { open, close: () => { thread?.close(); for (const stop of stops) stop(); } };
}
