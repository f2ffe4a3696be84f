// The inbox: conversations on the left, one thread on the right.

import { isClosed, isMine } from "./care.js";
import { fill, h, icon } from "./dom.js";
import { marks } from "./drafts.js";
import { personName, summary, when } from "./format.js";
import { byOrder } from "./order.js";
import { get } from "./rest.js";
import { known, on } from "./store.js";
import { openThread } from "./thread.js";
import { avatar, empty, roving } from "./widgets.js";

const personOf = (conversation) => known.contacts.get(conversation.contact_id) ?? conversation.contact;

const SHOWN = {
  Open: (talk) => !isClosed(talk),
  Unread: (talk) => talk.unread_count > 0,
  Mine: (talk) => isMine(talk) && !isClosed(talk),
  Closed: isClosed,
};
const PAUSE = 250;
const LEAST = 2;

/** Asks for messages with these words when typing pauses; `found()`: the newest answer. */
function wordSearch(changed) {
  let messages = [];
  let timer = null;
  let asked = "";
  async function read(words) {
    const answer = await get("/api/messages", { search: words, kind: "message", limit: 20 }).catch(() => ({}));
    if (asked !== words) return;
    messages = (answer.data ?? []).filter((message) => message.conversation_id);
    changed();
  }
  function ask(words) {
    clearTimeout(timer);
    asked = words;
    messages = [];
    if (words.length >= LEAST) timer = setTimeout(read, PAUSE, words);
  }
  return { ask, found: () => messages };
}

function badge({ unread_count: count = 0 }) {
  if (!count) return null;
  return h("span", { class: "unread", role: "img", "aria-label": `${count} new ${count === 1 ? "message" : "messages"}` }, count > 99 ? "99+" : String(count));
}

/** Draws the view; returns {close, open(conversationId)}. */
export function showInbox(view, id) {
  const said = wordSearch(() => drawList());
  const search = h("input", { class: "input", type: "search", placeholder: "Search", "aria-label": "Search conversations and messages", oninput: () => searched(), onkeydown: (event) => { if (event.key === "Escape") { search.value = ""; searched(); } } });
  const shown = h("select", { class: "input", "aria-label": "Which conversations", onchange: () => drawList() }, Object.keys(SHOWN).map((name) => h("option", { value: name }, name)));
  const list = h("nav", { class: "talks", "aria-label": "Conversations" });
  const pane = h("section", { class: "thread-pane", "aria-label": "Conversation" });
  const element = h("div", { class: "inbox" },
    h("section", { class: "talks-pane", "aria-label": "Conversations" }, h("header", null, h("div", { class: "talks-head" }, h("h1", null, "Inbox"), shown), h("div", { class: "search" }, icon("search"), search)), list),
    pane);
  let thread = null;
  let opened = null;
  roving(list, ".talk");

  function matching() {
    const wanted = search.value.trim().toLowerCase();
    const digits = wanted.replace(/\D/g, "");
    return [...known.conversations.values()]
      .filter((conversation) => {
        if (!wanted) return conversation.id === opened || SHOWN[shown.value](conversation);
        const person = personOf(conversation);
        return personName(person).toLowerCase().includes(wanted) || (digits && person?.phone_number?.includes(digits)) || conversation.last_message?.text?.toLowerCase().includes(wanted);
      })
      .sort((one, other) => byOrder(other, one));
  }

  function drawList() {
    if (!known.loaded.has("conversations")) return void fill(list, h("p", { class: "muted pad" }, "Loading…"));
    const talks = matching();
    const messages = said.found();
    if (!talks.length && !messages.length) {
      if (!search.value && known.conversations.size) return void fill(list, empty("check", "Nothing here", `No conversation is in “${shown.value}”.`));
      const text = search.value ? "No conversation or message matches." : "When somebody writes to one of your accounts, the conversation appears here at once.";
      return void fill(list, empty(search.value ? "search" : "inbox", search.value ? "Nothing found" : "No conversations yet", text));
    }
    const several = known.instances.size > 1;
    const kept = marks();
    fill(list, ...talks.map((conversation, at) => talkItem(conversation, several, conversation.id === opened || (!opened && at === 0), kept.get(conversation.id))),
      messages.length ? h("h2", { class: "talks-title" }, "Messages") : "", ...messages.map((message, at) => messageItem(message, !talks.length && at === 0)));
  }

  function searched() {
    said.ask(search.value.trim());
    drawList();
  }

  function messageItem(message, reachable) {
    const name = personName(known.contacts.get(message.contact_id) ?? known.conversations.get(message.conversation_id)?.contact);
    return h("a", { class: "talk", href: `#/inbox/${message.conversation_id}`, "data-message": message.id, tabindex: reachable ? 0 : -1 },
      h("span", { class: "talk-main" },
        h("span", { class: "talk-top" }, h("strong", null, name), h("time", null, when(message.timestamp))),
        h("span", { class: "talk-last" }, `${message.direction === "outbound" ? "You: " : ""}${summary(message)}`)));
  }

  /** The last words: an unsent message and a draft of ours come before what was said. */
  function lastOf(last, { draft, unsent } = {}) {
    if (unsent) return [h("strong", { class: "unsent" }, "Not sent")];
    if (draft) return [h("strong", { class: "draft" }, "Draft: "), draft];
    return [last ? `${last.direction === "outbound" ? "You: " : ""}${summary(last)}` : ""];
  }

  function talkItem(conversation, several, reachable, mark) {
    const person = personOf(conversation);
    const name = personName(person);
    const last = conversation.last_message;
    const account = several ? known.instances.get(conversation.instance_id)?.instance_name : null;
    return h("a", { class: "talk", href: `#/inbox/${conversation.id}`, "data-key": conversation.id, tabindex: reachable ? 0 : -1, "aria-current": conversation.id === opened ? "true" : null },
      avatar(name),
      h("span", { class: "talk-main" },
        h("span", { class: "talk-top" }, h("strong", null, name), h("time", null, last ? when(last.timestamp) : "")),
        h("span", { class: "talk-last" }, ...lastOf(last, mark)),
        account && h("span", { class: "talk-account" }, account)),
      badge(conversation));
  }

  function open(next) {
    if (next === opened && thread) return;
    thread?.close();
    thread = null;
    opened = next;
    element.classList.toggle("has-thread", Boolean(next));
    if (next) thread = openThread(pane, next);
    else fill(pane, empty("inbox", "Choose a conversation", "Read along live and answer from here."));
    drawList();
  }

  fill(view, element);
  open(id);
  const stops = [on("conversations", drawList), on("contacts", drawList), on("instances", drawList), on("drafts", drawList)];
  return { open, close: () => { thread?.close(); said.ask(""); for (const stop of stops) stop(); } };
}
