// One conversation: its messages, live, older and newer ones as they are scrolled to, and the composer.

import { attention } from "./presence.js";
import { bubble } from "./bubble.js";
import { careButtons, reader } from "./assignment.js";
import { composer } from "./composer.js";
import { arrange, fill, h, icon } from "./dom.js";
import { draftOf, keepDraft } from "./drafts.js";
import { clock, day, dayKey, personName, phone, summary } from "./format.js";
import { loadedMessages } from "./loaded_messages.js";
import { outgoing } from "./unsent_messages.js";
import { forPeople } from "./errors.js";
import { scrolling } from "./scrolling.js";
import { showSimulator } from "./simulator.js";
import { contactOf, conversationOf, known, on } from "./store.js";
import { avatar } from "./widgets.js";

/** Pixels from an end of what is loaded at which the next page is read. */
const NEAR_END_PX = 300;
const FOUND_SHOWN_MS = 8000;

/** Shows a conversation at what is new, or at the message `messageId`. → {close} */
export function openThread(pane, id, messageId = null) {
  const loaded = loadedMessages(id);
  const drawn = new Map();
  let closed = false;
  const head = h("header", { class: "thread-head" });
  const older = h("button", { class: "button small older", type: "button", hidden: true, onclick: () => loaded.isLoaded() ? more(older, loaded.readOlder) : start() }, "Load older messages");
  const newer = h("button", { class: "button small older", type: "button", hidden: true, onclick: () => more(newer, loaded.readNewer) }, "Load newer messages");
  const error = h("p", { class: "error box thread-error", role: "alert" });
  const told = h("p", { class: "visually-hidden", role: "status" });
  const lines = h("div", { class: "lines", role: "log", "aria-label": "Messages" });
  const log = h("div", { class: "log", tabindex: 0, "aria-label": "Messages, scrollable" }, older, lines, newer);
  const there = h("span", { class: "there", role: "status" });
  const attending = attention(id, (text) => { there.textContent = text; });
  const own = outgoing(id, loaded, drawOwn);
  const writer = composer(own.send, attending.typed, { draft: draftOf(id), kept: (text) => keepDraft(id, text) });
  const place = scrolling(log, lines, looked);
  const newest = h("button", { class: "button small newest", type: "button", hidden: true, onclick: toNewest });
  /** What is loaded reaches the newest message, and the end of it is on the screen. */
  const atNewest = () => loaded.reachesNewest() && place.atEnd();
  const reading = reader(id, () => isShown && atNewest());
  let isShown = false;
  let wasAtNewest = false;
  /** The first message that was not on the screen, and how many came since the reader left the end. */
  let fresh = null;
  let below = 0;
  /** The message that was looked for, marked for a moment. */
  let found = null;
  let fading = null;

  /** Buttons are not made again under a pointer because of other conversations. */
  const isAbout = (record) => !record || record.id === id || record.id === known.conversations.get(id)?.contact_id;

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
    if (closed) return;
    wasAtNewest = atNewest();
    if (wasAtNewest) {
      below = 0;
      reading.look();
    }
    newest.hidden = !isShown || wasAtNewest;
    fill(newest, icon("down"), below ? `${below} new ${below === 1 ? "message" : "messages"}` : "Newest");
    newest.setAttribute("aria-label", below ? `Go to ${below} new ${below === 1 ? "message" : "messages"}` : "Go to the newest message");
    if (!isShown || error.textContent) return; // after a failure the buttons try again
    if (loaded.hasNewer() && log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX) more(newer, loaded.readNewer);
    else if (loaded.hasOlder() && log.scrollTop < NEAR_END_PX) more(older, loaded.readOlder);
  }

  function draw({ stick = false } = {}) {
    if (closed) return;
    const follows = stick || (wasAtNewest && atNewest());
    let last = null;
    const wanted = [];
    for (const message of loaded.sorted()) {
      const today = dayKey(message.timestamp);
      if (today !== last) wanted.push(once(`day ${today}`, day(message.timestamp), (text) => h("div", { class: "day" }, h("span", null, text))));
      last = today;
      if (message.id === fresh) wanted.push(once("fresh", "", () => h("div", { class: "fresh", role: "separator" }, h("span", null, "New messages"))));
      const quote = quoteOf(message);
      const isFound = message.id === found;
      wanted.push(once(message.id, JSON.stringify([message, quote, isFound]), () => bubble(message, { retry: own.retry, discard: own.discard, quote, isFound })));
    }
    older.hidden = !loaded.hasOlder();
    newer.hidden = !loaded.hasNewer();
    place.hold(() => arrange(lines, wanted));
    if (follows) place.toEnd();
    looked();
  }

  /** The element of a key, made again only when it would look different. */
  function once(key, looks, make) {
    if (drawn.get(key)?.looks !== looks) drawn.set(key, { looks, element: make(looks) });
    return drawn.get(key).element;
  }

  /** A line about the message that this one answers or reacts to, when it is loaded. */
  function quoteOf({ quoted_message_id: quoted }) {
    const { messages } = loaded;
    return quoted && messages.has(quoted) ? summary(messages.get(quoted)) : null;
  }

  /** Our own lines stand at the newest end: it is loaded first when it is not. */
  function drawOwn(how) {
    draw(how);
    if (how?.stick && loaded.hasNewer()) toNewest();
  }

  /** Reads and says what went wrong; → whether it is read. */
  async function tried(read) {
    error.textContent = "";
    try {
      await read();
    } catch (problem) {
      if (!closed) error.textContent = forPeople(problem).message;
      return false;
    }
    return !closed;
  }

  async function more(button, read) {
    if (button.disabled) return;
    button.disabled = true;
    const isRead = await tried(read);
    button.disabled = false;
    if (isRead) draw();
  }

  async function toNewest() {
    if (!loaded.reachesNewest() && !(await tried(loaded.readNewest))) return;
    draw({ stick: true });
  }

  /** The first time: at the message that was looked for, at what is new, or at the end. */
  async function start() {
    if (messageId && (await tried(() => loaded.readAround(messageId)))) return showFound();
    const why = messageId ? error.textContent : "";
    const asked = conversationOf(id).catch(() => null); // who comes by a link finds it in no list
    if (!(await tried(loaded.readNewest))) return void (older.hidden = false); // to try again
    const unread = (await asked)?.unread_count ?? 0;
    if (why) error.textContent = why;
    const inbound = loaded.sorted().filter((message) => message.direction === "inbound");
    fresh = unread ? inbound.slice(-unread)[0]?.id ?? null : null;
    draw({ stick: true });
    if (fresh) lines.querySelector(".fresh")?.scrollIntoView({ block: "start" });
    isShown = true;
    looked();
  }

  function showFound() {
    found = messageId;
    draw();
    lines.querySelector(`[data-id="${CSS.escape(found)}"]`)?.scrollIntoView({ block: "center" });
    const message = loaded.messages.get(found);
    if (message) told.textContent = `Message found: ${message.direction === "outbound" ? "you wrote" : "received"} ${day(message.timestamp)} ${clock(message.timestamp)}, ${summary(message)}`;
    log.focus({ preventScroll: true });
    fading = setTimeout(() => { found = null; draw(); }, FOUND_SHOWN_MS);
    isShown = true;
    looked();
  }

  /** After an interruption of the connection. */
  async function again() {
    if (!loaded.isLoaded()) return void start();
    const read = atNewest() ? loaded.readNewest : () => loaded.readFollowing().catch((problem) => {
      if (problem.status !== 404) throw problem;
      return loaded.readNewest(); // the message has moved to another conversation
    });
    if (await tried(read)) draw();
  }

  function arrived(message) {
    if (message.conversation_id !== id) return;
    const isFirst = !loaded.isLoaded();
    const place = loaded.arrive(message);
    if (isFirst) return; // the page that is being read has it
    const isUnseen = place !== "known" && message.direction === "inbound" && (document.hidden || !wasAtNewest);
    if (isUnseen && !below) fresh = message.id;
    if (isUnseen) below += 1;
    draw({ stick: place === "new" && message.direction === "outbound" && !message.origin?.includes("phone") && wasAtNewest });
  }

  fill(pane, head, h("div", { class: "log-frame" }, log, newest), h("div", null, told, error, writer.element));
  drawHead();
  const talk = known.conversations.get(id);
  if (talk) contactOf(talk.contact_id).catch(() => {});
  start();
  if (!messageId && matchMedia("(hover: hover)").matches) writer.focus();
  const stops = [
    on("message", arrived), on("message-changed", (message) => loaded.revise(message) && draw()),
    on("message-status", (change) => loaded.progress(change) && draw()), on("resync", again),
    on("online", () => known.online || loaded.interrupted()),
    on("instances", drawHead), ...["contacts", "conversations"].map((topic) => on(topic, (record) => isAbout(record) && drawHead())),
  ];
  return { close: () => { closed = true; clearTimeout(fading); reading.close(); attending.close(); for (const stop of stops) stop(); } };
}
