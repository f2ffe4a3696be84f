// One conversation: its messages (older and newer pages on scrolling) and the composer.

import { presenceTracker } from "./presence.js";
import { bubble } from "./bubble.js";
import { assignmentButtons, readMarker } from "./assignment.js";
import { composer } from "./composer.js";
import { arrange, fill, h, icon } from "../../components/dom.js";
import { draftOf, saveDraft } from "../../store/drafts.js";
import { clock, day, dayKey, personName, phone, summary } from "../../format.js";
import { loadedMessages } from "../../store/loaded_messages.js";
import { unsentMessages } from "./unsent_messages.js";
import { displayError } from "../../network/errors.js";
import { scrolling } from "./scrolling.js";
import { showSimulator } from "../../simulator/simulator.js";
import { contactOf, conversationOf, store, on } from "../../store/store.js";
import { avatar } from "../../components/widgets.js";

/** Distance in pixels from an end of the loaded part at which the next page is read. */
const NEAR_END_PX = 300;
const HIGHLIGHT_MS = 8000;

/** Opens a conversation at its new messages, or at the message `messageId`. → {close} */
export function openThread(pane, id, messageId = null) {
  const loaded = loadedMessages(id);
  const drawn = new Map();
  let closed = false;
  const head = h("header", { class: "thread-head" });
  const older = h("button", { class: "button small load-page", type: "button", hidden: true, onclick: () => loaded.isLoaded() ? more(older, loaded.readOlder) : start() }, "Load older messages");
  const newer = h("button", { class: "button small load-page", type: "button", hidden: true, onclick: () => more(newer, loaded.readNewer) }, "Load newer messages");
  const error = h("p", { class: "error box thread-error", role: "alert" });
  const announcement = h("p", { class: "visually-hidden", role: "status" });
  const lines = h("div", { class: "lines", role: "log", "aria-label": "Messages" });
  const log = h("div", { class: "log", tabindex: 0, "aria-label": "Messages, scrollable" }, older, lines, newer);
  const presenceText = h("span", { class: "presence", role: "status" });
  const presence = presenceTracker(id, (text) => { presenceText.textContent = text; });
  const unsent = unsentMessages(id, loaded, drawUnsent);
  const composerView = composer(unsent.send, presence.inputChanged, { draft: draftOf(id), draftChanged: (text) => saveDraft(id, text) });
  const scroll = scrolling(log, lines, scrolled);
  const newest = h("button", { class: "button small jump-to-newest", type: "button", hidden: true, onclick: toNewest });
  /** The newest message is loaded, and the end of the log is on the screen. */
  const atNewest = () => loaded.reachesNewest() && scroll.atEnd();
  const readMarking = readMarker(id, () => isShown && atNewest());
  let isShown = false;
  let wasAtNewest = false;
  /** The first new message, and how many came since the reader scrolled away from the end. */
  let firstNewId = null;
  let newBelow = 0;
  /** The search result that was opened; highlighted for HIGHLIGHT_MS. */
  let highlightedId = null;
  let highlightTimer = null;

  /** Changes of other conversations do not redraw the buttons, which may be under the pointer. */
  const isAbout = (record) => !record || record.id === id || record.id === store.conversations.get(id)?.contact_id;

  function drawHead() {
    const conversation = store.conversations.get(id);
    const person = store.contacts.get(conversation?.contact_id) ?? conversation?.contact;
    const instance = store.instances.get(conversation?.instance_id);
    const name = conversation ? personName(person) : "Conversation";
    const about = [person?.name && phone(person.phone_number), instance && `via ${instance.instance_name}`].filter(Boolean).join(" · ");
    fill(head,
      h("a", { class: "button quiet icon-only back", href: "#/inbox", "aria-label": "Back to all conversations" }, icon("back")),
      avatar(name), h("div", { class: "who" }, h("h2", null, name), h("p", { class: "muted small" }, presenceText, about)),
      ...assignmentButtons(conversation),
      instance?.network === "simulator" && store.config.simulator ? h("button", { class: "button small assignment", type: "button", "data-key": "sim", "aria-label": "Show the simulated customer", onclick: () => showSimulator(instance) }, icon("phone"), h("span", null, "Customer")) : null);
    const offline = instance && instance.status !== "connected";
    composerView.warn(offline ? `${instance.instance_name} is not online, so a message cannot go out now. ` : "", offline ? "#/accounts" : null);
    readMarking.markRead();
  }

  function scrolled() {
    if (closed) return;
    wasAtNewest = atNewest();
    if (wasAtNewest) {
      newBelow = 0;
      readMarking.markRead();
    }
    newest.hidden = !isShown || wasAtNewest;
    fill(newest, icon("down"), newBelow ? `${newBelow} new ${newBelow === 1 ? "message" : "messages"}` : "Newest");
    newest.setAttribute("aria-label", newBelow ? `Go to ${newBelow} new ${newBelow === 1 ? "message" : "messages"}` : "Go to the newest message");
    if (!isShown || error.textContent) return; // after a failure the buttons retry
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
      if (today !== last) wanted.push(cachedElement(`day ${today}`, day(message.timestamp), (text) => h("div", { class: "day" }, h("span", null, text))));
      last = today;
      if (message.id === firstNewId) wanted.push(cachedElement("unread-separator", "", () => h("div", { class: "unread-separator", role: "separator" }, h("span", null, "New messages"))));
      const quote = quoteOf(message);
      const isHighlighted = message.id === highlightedId;
      wanted.push(cachedElement(message.id, JSON.stringify([message, quote, isHighlighted]), () => bubble(message, { retry: unsent.retry, discard: unsent.discard, quote, isHighlighted })));
    }
    older.hidden = !loaded.hasOlder();
    newer.hidden = !loaded.hasNewer();
    scroll.keepInPlace(() => arrange(lines, wanted));
    if (follows) scroll.toEnd();
    scrolled();
  }

  /** The element of a key, created again only when its fingerprint changed. */
  function cachedElement(key, fingerprint, make) {
    if (drawn.get(key)?.fingerprint !== fingerprint) drawn.set(key, { fingerprint, element: make(fingerprint) });
    return drawn.get(key).element;
  }

  /** One line of the message that this one replies or reacts to, when it is loaded. */
  function quoteOf({ quoted_message_id: quoted }) {
    const { messages } = loaded;
    return quoted && messages.has(quoted) ? summary(messages.get(quoted)) : null;
  }

  /** Unsent messages stand at the newest end, which is loaded first when it is not. */
  function drawUnsent(how) {
    draw(how);
    if (how?.stick && loaded.hasNewer()) toNewest();
  }

  /** Runs a read and shows its error. → whether it succeeded */
  async function tryRead(read) {
    error.textContent = "";
    try {
      await read();
    } catch (problem) {
      if (!closed) error.textContent = displayError(problem).message;
      return false;
    }
    return !closed;
  }

  async function more(button, read) {
    if (button.disabled) return;
    button.disabled = true;
    const isRead = await tryRead(read);
    button.disabled = false;
    if (isRead) draw();
  }

  async function toNewest() {
    if (!loaded.reachesNewest() && !(await tryRead(loaded.readNewest))) return;
    draw({ stick: true });
  }

  /** The first read: at the search result, at the new messages, or at the end. */
  async function start() {
    if (messageId && (await tryRead(() => loaded.readAround(messageId)))) return showFound();
    const aroundError = messageId ? error.textContent : "";
    const asked = conversationOf(id).catch(() => null); // one opened by a link is in no list
    if (!(await tryRead(loaded.readNewest))) return void (older.hidden = false); // offers a retry
    const unread = (await asked)?.unread_count ?? 0;
    if (aroundError) error.textContent = aroundError;
    const inbound = loaded.sorted().filter((message) => message.direction === "inbound");
    firstNewId = unread ? inbound.slice(-unread)[0]?.id ?? null : null;
    draw({ stick: true });
    if (firstNewId) lines.querySelector(".unread-separator")?.scrollIntoView({ block: "start" });
    isShown = true;
    scrolled();
  }

  function showFound() {
    highlightedId = messageId;
    draw();
    lines.querySelector(`[data-id="${CSS.escape(highlightedId)}"]`)?.scrollIntoView({ block: "center" });
    const message = loaded.messages.get(highlightedId);
    if (message) announcement.textContent = `Message found: ${message.direction === "outbound" ? "you wrote" : "received"} ${day(message.timestamp)} ${clock(message.timestamp)}, ${summary(message)}`;
    log.focus({ preventScroll: true });
    highlightTimer = setTimeout(() => { highlightedId = null; draw(); }, HIGHLIGHT_MS);
    isShown = true;
    scrolled();
  }

  /** Reads what was missed during an interruption. */
  async function resume() {
    if (!loaded.isLoaded()) return void start();
    const read = atNewest() ? loaded.readNewest : () => loaded.readFollowing().catch((problem) => {
      if (problem.status !== 404) throw problem;
      return loaded.readNewest(); // the message has moved to another conversation
    });
    if (await tryRead(read)) draw();
  }

  function messageArrived(message) {
    if (message.conversation_id !== id) return;
    const isFirst = !loaded.isLoaded();
    const place = loaded.arrive(message);
    if (isFirst) return; // the page that is being read contains it
    const isUnseen = place !== "known" && message.direction === "inbound" && (document.hidden || !wasAtNewest);
    if (isUnseen && !newBelow) firstNewId = message.id;
    if (isUnseen) newBelow += 1;
    draw({ stick: place === "new" && message.direction === "outbound" && !message.origin?.includes("phone") && wasAtNewest });
  }

  fill(pane, head, h("div", { class: "log-frame" }, log, newest), h("div", null, announcement, error, composerView.element));
  drawHead();
  const conversation = store.conversations.get(id);
  if (conversation) contactOf(conversation.contact_id).catch(() => {});
  start();
  if (!messageId && matchMedia("(hover: hover)").matches) composerView.focus();
  const stops = [
    on("message", messageArrived), on("message-changed", (message) => loaded.revise(message) && draw()),
    on("message-status", (change) => loaded.progress(change) && draw()), on("resync", resume),
    on("online", () => store.online || loaded.interrupted()),
    on("instances", drawHead), ...["contacts", "conversations"].map((topic) => on(topic, (record) => isAbout(record) && drawHead())),
  ];
  return { close: () => { closed = true; clearTimeout(highlightTimer); readMarking.close(); presence.close(); for (const stop of stops) stop(); } };
}
