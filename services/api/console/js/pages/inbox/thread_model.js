// One open conversation: which messages are loaded and what the reader sees of them. It draws nothing.

import { formatClock, formatDay, personName } from "../../formats.js";
import { t } from "../../language.js";
import { summary } from "../../message_summary.js";
import { displayError } from "../../network/errors.js";
import { signal } from "../../rendering.js";
import { oncePerFrame } from "../../components/frame_scheduler.js";
import { loadedMessages } from "../../store/loaded_messages.js";
import { conversationOf, on, store } from "../../store/store.js";
import { presenceTracker } from "./presence.js";
import { readMarker } from "./read_marker.js";
import { unsentMessages } from "./unsent_messages.js";

const HIGHLIGHT_MS = 8000;
/** Screen readers take an announcement when it appears; it must not stay, because the message may be deleted. */
const ANNOUNCED_MS = 1500;

/** A signal that changes only when the content of its value does. */
function setIfChanged(target, value) {
  const before = target.peek();
  if (Object.keys(value).some((name) => before[name] !== value[name])) target.value = value;
}

/**
 * Opens a conversation at its new messages, or at the message `messageId`. `version` changes when there is something to draw; the
 * drawn list is `list.current` (the controls of a VirtualList), and `drawn()` is called after each drawing.
 */
export function createThread(id, messageId = null) {
  const loaded = loadedMessages(id);
  const list = { current: null };
  const version = signal(0);
  const error = signal("");
  const announcement = signal("");
  /** The button that leads to the newest message; `count`: new messages below. */
  const jump = signal({ isShown: false, count: 0 });
  /** Whether the page at this end is being read. */
  const reading = { older: false, newer: false };
  const scheduleDraw = oncePerFrame(() => draw());
  const presence = presenceTracker(id);
  const unsent = unsentMessages(id, loaded, drawUnsent);
  /** The newest message is loaded, and the end of the log is on the screen. */
  const atNewest = () => loaded.reachesNewest() && Boolean(list.current?.isAtEnd());
  const readMarking = readMarker(id, () => isShown && atNewest());
  let closed = false;
  let isShown = false;
  let wasAtNewest = false;
  /** Where the list is scrolled after the next drawing: {toEnd} or {toRow: id}. */
  let pendingScroll = null;
  let newBelow = 0;
  let highlightTimer = null;
  let announcementTimer = null;
  /** The first new message, and the search result that was opened; highlighted for HIGHLIGHT_MS. */
  const marks = { firstNewId: null, highlightedId: null };

  function draw({ stick = false, toRow = null } = {}) {
    if (closed) return;
    scheduleDraw.cancel();
    if (stick || toRow) pendingScroll = { toRow };
    version.value += 1;
  }

  function drawn() {
    const scroll = pendingScroll;
    pendingScroll = null;
    if (scroll?.toRow) list.current?.toRow(scroll.toRow);
    else if (scroll) list.current?.toEnd();
    scrolled();
  }

  function scrolled() {
    if (closed || !list.current) return;
    wasAtNewest = atNewest();
    if (wasAtNewest) {
      newBelow = 0;
      readMarking.markRead();
    }
    setIfChanged(jump, { isShown: isShown && !wasAtNewest, count: newBelow });
  }

  /** Unsent messages stand at the newest end, which is loaded first when it is not. */
  function drawUnsent(how) {
    draw(how);
    if (how?.stick && loaded.hasNewer()) toNewest();
  }

  /** Runs a read and shows its error. → whether it succeeded */
  async function tryRead(read) {
    error.value = "";
    try {
      await read();
    } catch (problem) {
      if (!closed) error.value = displayError(problem).message;
      return false;
    }
    return !closed;
  }

  /** Reads the page at this end, "older" or "newer". After a failure only `retry` reads again. */
  async function more(end, { retry = false } = {}) {
    if (reading[end] || (!retry && (!isShown || error.peek()))) return;
    if (!loaded.isLoaded()) return void start();
    reading[end] = true;
    const isRead = await tryRead(end === "older" ? loaded.readOlder : loaded.readNewer);
    reading[end] = false;
    if (isRead) draw();
  }

  async function toNewest() {
    if (!loaded.reachesNewest() && !(await tryRead(loaded.readNewest))) return;
    draw({ stick: true });
  }

  /** The first read: at the search result, at the new messages, or at the end. */
  async function start() {
    if (messageId && (await tryRead(() => loaded.readAround(messageId)))) return showFound();
    const aroundError = messageId ? error.peek() : "";
    const asked = conversationOf(id).catch(() => null); // one opened by a link is in no list
    if (!(await tryRead(loaded.readNewest))) return void draw(); // offers a retry
    const unread = (await asked)?.unread_count ?? 0;
    if (aroundError) error.value = aroundError;
    const inbound = loaded.sorted().filter((message) => message.direction === "inbound");
    marks.firstNewId = unread ? inbound.slice(-unread)[0]?.id ?? null : null;
    isShown = true;
    draw({ stick: true, toRow: marks.firstNewId });
  }

  function showFound() {
    marks.highlightedId = messageId;
    isShown = true;
    draw({ toRow: messageId });
    const message = loaded.get(messageId);
    if (message) {
      const when = `${formatDay(message.timestamp)} ${formatClock(message.timestamp)}`;
      announcement.value = t(message.direction === "outbound" ? "inbox.foundByUs" : "inbox.foundReceived", { when, text: summary(message) });
    }
    highlightTimer = setTimeout(() => { marks.highlightedId = null; draw(); }, HIGHLIGHT_MS);
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

  function announce(message) {
    const conversation = store.conversations.get(id);
    const person = store.contacts.get(conversation?.contact_id) ?? conversation?.contact;
    announcement.value = t("inbox.received", { name: personName(person), text: summary(message) });
    clearTimeout(announcementTimer);
    announcementTimer = setTimeout(() => { announcement.value = ""; }, ANNOUNCED_MS);
  }

  function messageRevised(message) {
    if (loaded.revise(message)) scheduleDraw();
  }

  function messageArrived(message) {
    if (message.conversation_id !== id) return;
    const isFirst = !loaded.isLoaded();
    const place = loaded.arrive(message);
    if (isFirst) return; // the page that is being read contains it
    const isNew = place !== "known" && message.direction === "inbound";
    const isUnseen = isNew && (document.hidden || !wasAtNewest);
    if (isUnseen && !newBelow) marks.firstNewId = message.id;
    if (isUnseen) newBelow += 1;
    if (isNew && !document.hidden) announce(message);
    if (place === "new") loaded.trim(wasAtNewest ? "oldest" : "newest");
    if (place === "new" && message.direction === "outbound" && !message.origin?.includes("phone") && wasAtNewest) draw({ stick: true });
    else scheduleDraw();
  }

  const stops = [
    on("message", messageArrived), on("message-changed", messageRevised),
    on("message-status", (change) => loaded.progress(change) && scheduleDraw()), on("resync", resume),
    on("online", () => store.online || loaded.interrupted()),
    on("conversations", (record) => { if (!record || record.id === id) readMarking.markRead(); }),
  ];
  start();
  return {
    id, list, version, error, announcement, jump, marks, loaded, presence, drawn, scrolled, more, toNewest, isAtNewest: atNewest,
    send: unsent.send, retry: unsent.retry, discard: unsent.discard,
    /** The ids of long messages that are shown in full. */
    unfolded: new Set(),
    opensAt: messageId,
    close() {
      closed = true;
      clearTimeout(highlightTimer);
      clearTimeout(announcementTimer);
      scheduleDraw.cancel();
      readMarking.close();
      presence.close();
      for (const stop of stops) stop();
    },
  };
}
