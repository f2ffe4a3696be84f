// One conversation: its messages, live, older ones on demand, and the composer.

import { attention } from "./attention.js";
import { bubble, isProgress } from "./bubble.js";
import { careButtons, reader } from "./care.js";
import { composer } from "./composer.js";
import { arrange, fill, h, icon } from "./dom.js";
import { draftOf, dropUnsent, keepDraft, keepUnsent, unsentOf } from "./drafts.js";
import { day, dayKey, personName, phone, summary } from "./format.js";
import { sendMessage } from "./live.js";
import { byOrder, NOT_ACCEPTED } from "./order.js";
import { forPeople } from "./problems.js";
import { get } from "./rest.js";
import { scrolling } from "./scrolling.js";
import { showSimulator } from "./simulator.js";
import { contactOf, known, listOf, on } from "./store.js";
import { avatar } from "./widgets.js";

const PAGE = 50;

/** → {close} */
export function openThread(pane, id) {
  const messages = new Map();
  const drawn = new Map();
  let cursor = null;
  let closed = false;
  const head = h("header", { class: "thread-head" });
  const older = h("button", { class: "button small older", type: "button", hidden: true, onclick: () => read(cursor) }, "Load older messages");
  const error = h("p", { class: "error box", role: "alert" });
  const lines = h("div", { class: "lines", role: "log", "aria-label": "Messages" });
  const log = h("div", { class: "log", tabindex: 0, "aria-label": "Messages, scrollable" }, older, error, lines);
  const there = h("span", { class: "there", role: "status" });
  const attending = attention(id, (text) => { there.textContent = text; });
  const writer = composer(send, attending.typed, { draft: draftOf(id), kept: (text) => keepDraft(id, text) });
  const place = scrolling(log, lines, looked);
  const newest = h("button", { class: "button small newest", type: "button", hidden: true, onclick: () => { place.toEnd(); looked(); } });
  const reading = reader(id, () => loaded && place.atEnd());
  let loaded = false;
  /** The first message that was not on the screen, and how many came since the reader left the end. */
  let fresh = null;
  let below = 0;

  function drawHead() {
    const talk = known.conversations.get(id);
    const person = known.contacts.get(talk?.contact_id) ?? talk?.contact;
    const instance = known.instances.get(talk?.instance_id);
    const name = talk ? personName(person) : "Conversation";
    const about = [person?.name && phone(person.phone_number), instance && `via ${instance.instance_name}`].filter(Boolean).join(" · ");
    fill(head,
      h("a", { class: "button quiet icon-only back", href: "#/inbox", "aria-label": "Back to all conversations" }, icon("back")),
      avatar(name), h("div", { class: "who" }, h("h2", null, name), h("p", { class: "muted small" }, there, about)),
      ...careButtons(talk),
      instance?.network === "simulator" && known.config.simulator ? h("button", { class: "button small care", type: "button", "data-key": "sim", "aria-label": "Show the simulated customer", onclick: () => showSimulator(instance) }, icon("phone"), h("span", null, "Customer")) : null);
    const offline = instance && instance.status !== "connected";
    writer.warn(offline ? `${instance.instance_name} is not online, so a message cannot go out now. ` : "", offline ? "#/accounts" : null);
    reading.look();
  }

  function looked() {
    if (place.atEnd()) {
      below = 0;
      reading.look();
    }
    newest.hidden = place.atEnd();
    fill(newest, icon("down"), below ? `${below} new ${below === 1 ? "message" : "messages"}` : "Newest");
    newest.setAttribute("aria-label", below ? `Go to ${below} new ${below === 1 ? "message" : "messages"}` : "Go to the newest message");
  }

  function draw({ stick = false } = {}) {
    const atEnd = place.atEnd();
    const sorted = [...messages.values()].sort(byOrder);
    let last = null;
    const wanted = [];
    for (const message of sorted) {
      const today = dayKey(message.timestamp);
      if (today !== last) wanted.push(once(`day ${today}`, day(message.timestamp), (text) => h("div", { class: "day" }, h("span", null, text))));
      last = today;
      if (message.id === fresh) wanted.push(once("fresh", "", () => h("div", { class: "fresh", role: "separator" }, h("span", null, "New messages"))));
      const quote = quoteOf(message);
      wanted.push(once(message.id, JSON.stringify([message, quote]), () => bubble(message, { retry, discard, quote })));
    }
    place.hold(() => arrange(lines, wanted));
    if (stick || atEnd) place.toEnd();
    looked();
  }

  /** The first time: at what is new, or at the end. */
  function showFresh(unread) {
    const inbound = [...messages.values()].filter((message) => message.direction === "inbound").sort(byOrder);
    fresh = unread ? inbound.slice(-unread)[0]?.id ?? null : null;
    loaded = true;
    draw({ stick: true });
    if (fresh) lines.querySelector(".fresh")?.scrollIntoView({ block: "start" });
    looked();
  }

  /** A line about the message that this one answers or reacts to, when it is loaded. */
  function quoteOf({ quoted_message_id: quoted }) {
    return quoted && messages.has(quoted) ? summary(messages.get(quoted)) : null;
  }

  /** The element of a key, made again only when it would look different. */
  function once(key, looks, make) {
    if (drawn.get(key)?.looks !== looks) drawn.set(key, { looks, element: make(looks) });
    return drawn.get(key).element;
  }

  async function read(after) {
    const first = !messages.size || !lines.children.length;
    const unread = known.conversations.get(id)?.unread_count ?? 0;
    error.textContent = "";
    older.disabled = true;
    try {
      const answer = await get(`/api/conversations/${encodeURIComponent(id)}/messages`, { limit: PAGE, cursor: after });
      if (closed) return;
      for (const message of listOf(answer, "messages")) merge(message);
      if (after || !cursor) cursor = answer.next_cursor ?? null;
      older.hidden = !cursor;
      if (!first) draw({ stick: !after && place.atEnd() });
      else showFresh(unread);
    } catch (problem) {
      error.textContent = forPeople(problem).message;
      older.hidden = false;
    } finally {
      older.disabled = false;
    }
  }

  /** Our optimistic line and the recorded message are one: by id, else by the client's id. */
  function merge(message) {
    const mine = message.client_id && messages.get(message.client_id);
    if (mine) messages.delete(message.client_id);
    if (message.client_id) dropUnsent(message.client_id);
    const before = messages.get(message.id) ?? mine ?? {};
    const status = before.status && !isProgress(before.status, message.status) ? before.status : message.status;
    const newer = (message.revision ?? 0) >= (before.revision ?? 0) ? message : { ...message, ...contentOf(before) };
    messages.set(message.id, { ...before, ...newer, status, problem: null });
  }

  /** What an edit, a deletion or a readable copy changes. */
  const contentOf = ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision }) => ({ text, type, media, edited_at, edit_unreadable, revoked_at, revision });

  function changed(message) {
    if (!messages.has(message.id)) return; // older than what is loaded
    merge(message);
    draw();
  }

  function arrived(message) {
    if (message.conversation_id !== id) return;
    const isNew = !messages.has(message.id) && message.direction === "inbound";
    const unseen = isNew && (document.hidden || !place.atEnd());
    if (unseen && !below) fresh = message.id;
    if (unseen) below += 1;
    merge(message);
    draw({ stick: message.direction === "outbound" && !messages.get(message.id)?.origin?.includes("phone") });
  }

  function progressed({ message_id, client_id, status, error: why }) {
    const message = messages.get(message_id) ?? messages.get(client_id);
    if (!message || !isProgress(message.status, status)) return;
    Object.assign(message, { status, error: why ?? message.error, retryable: false });
    draw();
  }

  function send(text) {
    const clientId = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    deliver({ id: clientId, client_id: clientId, kind: "message", type: "text", direction: "outbound", text, timestamp: new Date().toISOString(), order_key: NOT_ACCEPTED, status: "sending" });
  }

  /** What never left is sent again under its own id, once at most; what WhatsApp refused becomes a new message. */
  function retry(message) {
    if (message.problem) deliver({ ...message, status: "sending", problem: null, error: null });
    else send(message.text);
  }

  function discard(message) {
    messages.delete(message.id);
    dropUnsent(message.id);
    draw();
  }

  async function deliver(message) {
    messages.set(message.id, message);
    keepUnsent(id, message);
    draw({ stick: true });
    const talk = known.conversations.get(id);
    const person = known.contacts.get(talk?.contact_id) ?? talk?.contact;
    try {
      const to = person?.phone_number ?? (person?.lid ? `${person.lid}@lid` : undefined);
      const sent = await sendMessage({ conversationId: id, to, instanceId: talk?.instance_id, message: message.text, clientId: message.client_id });
      const arrivedBefore = messages.has(sent.messageId);
      merge({ ...(arrivedBefore ? {} : message), id: sent.messageId ?? message.id, client_id: message.client_id, status: sent.status ?? "queued" });
    } catch (problem) {
      const now = messages.get(message.id);
      if (!now) return;
      Object.assign(now, { status: "failed", problem: forPeople(problem).message, retryable: problem.retryable !== false });
    }
    if (!closed) draw();
  }

  for (const message of unsentOf(id)) {
    messages.set(message.id, { ...message, client_id: message.id, kind: "message", type: "text", direction: "outbound", order_key: NOT_ACCEPTED, status: "failed", problem: "This message was not sent yet.", retryable: true });
  }
  fill(pane, head, h("div", { class: "log-frame" }, log, newest), writer.element);
  drawHead();
  const talk = known.conversations.get(id);
  if (talk) contactOf(talk.contact_id).catch(() => {});
  read(null);
  if (matchMedia("(hover: hover)").matches) writer.focus();
  const stops = [on("message", arrived), on("message-changed", changed), on("message-status", progressed), on("resync", () => read(null)), ...["contacts", "instances", "conversations"].map((topic) => on(topic, drawHead))];
  return { close: () => { closed = true; reading.close(); attending.close(); for (const stop of stops) stop(); } };
}
