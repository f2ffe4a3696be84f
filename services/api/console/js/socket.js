// The one socket: events become records in the store; after an interruption the server tells what was missed.

import { io } from "../vendor/socket.io.esm.min.js";
import { byOrder, orderKey } from "./order_keys.js";
import { Refusal, socketRefusal } from "./errors.js";
import { forgetNewest, readNewest } from "./new_conversations.js";
import { get, renewSession } from "./rest.js";
import { currentSession } from "./session.js";
import { drop, forgetOld, known, load, put, recordOf, tell } from "./store.js";

let socket = null;

const snakeKey = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** {contactId: 1} → {contact_id: 1}: the socket speaks camelCase, the console keeps REST's names. */
export function snake(value) {
  if (Array.isArray(value)) return value.map(snake);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [snakeKey(key), snake(entry)]));
}

/** A `new_message` payload in the shape of a message record. */
export function messageOf(payload) {
  const { content, isOutgoing, from, to, ...rest } = payload;
  const record = snake(rest);
  return { kind: "message", type: "text", ...record, text: content, direction: isOutgoing ? "outbound" : "inbound", from_address: from, to_address: to };
}

const PATIENCE = 3000;
const FIRST = 1500;

/** How far the stream was heard: the newest sequence, and what was heard of it; `names` null: all of it. */
let heard = { sequence: null, names: null };
let joined = null;
let isJoined = () => {};

/** Events made from one share its sequence, and a cut may come between them. */
const since = () => (heard.sequence === null ? {} : { since: heard.names ? heard.sequence - 1 : heard.sequence });

/** Whether this event is new; a repeated one is not told again. */
function isNews(name, sequence) {
  if (!Number.isInteger(sequence)) return true;
  if (sequence !== heard.sequence) heard = { sequence, names: new Set() };
  if (!heard.names || heard.names.has(name)) return false;
  heard.names.add(name);
  return true;
}

/** Resolves when the socket hears the organization, at most a moment later. */
export const listening = () => Promise.race([joined, new Promise((resolve) => setTimeout(resolve, FIRST))]);

const TIRED = new Set(["token_expired", "role_changed"]);

/** The server refused the socket: tokens are renewed; one that opens nothing ends the session by the 401 of a read. */
async function rejected(refused, code, used) {
  const attempt = TIRED.has(code) ? renewSession(used) : get("/api/organization");
  const done = await attempt.then(() => true, () => false);
  setTimeout(() => refused === socket && refused.connect(), done && TIRED.has(code) ? 0 : PATIENCE);
}

export function connectLive() {
  disconnectLive();
  heard = { sequence: null, names: null };
  joined = new Promise((resolve) => { isJoined = resolve; });
  let used = null;
  const auth = (give) => give({ token: (used = currentSession()?.token), ...since() });
  const opened = io({ auth, transports: ["websocket", "polling"], reconnectionDelayMax: 4000 });
  socket = opened;
  opened.on("connect", () => join(opened));
  opened.on("disconnect", (reason) => {
    offline();
    if (reason === "io server disconnect") setTimeout(() => opened === socket && opened.connect(), 1000);
  });
  opened.on("connect_error", (error) => {
    offline();
    if (opened === socket && !opened.active) rejected(opened, error.data?.code, used);
  });
  opened.on("resync", ({ sequence }) => {
    heard = { sequence, names: null };
    resync();
  });
  for (const [name, handle] of Object.entries(HANDLERS)) opened.on(name, (payload) => isNews(name, payload?.sequence) && handle(payload));
}

/** What was missed is told before the answer comes. Without one, or when it is the first and came late, all is read. */
async function join(opened) {
  const first = heard.sequence === null;
  known.online = true;
  tell("online");
  const answer = await opened.timeout(8000).emitWithAck("join-organization", currentSession()?.organizationId).catch(() => null);
  if (!answer?.success || (first && known.loaded.size)) resync();
  if (answer?.success && (heard.sequence === null || answer.sequence > heard.sequence)) heard = { sequence: answer.sequence, names: null };
  isJoined();
}

function offline() {
  known.online = false;
  tell("online");
}

export function disconnectLive() {
  socket?.disconnect();
  socket = null;
  forgetNewest();
}

/** Read everything again that may be old. */
async function resync() {
  forgetOld();
  await Promise.all([...known.loaded].map((name) => load(name).catch(() => {})));
  tell("resync");
}

/** Send a text; resolves to {messageId, timestamp} or throws Refusal. */
export async function sendMessage(message) {
  if (!socket?.connected) throw new Refusal({ code: "offline", retryable: true });
  let answer;
  try {
    answer = await socket.timeout(20_000).emitWithAck("send_message", message);
  } catch {
    throw new Refusal({ code: "timeout", retryable: true });
  }
  const result = answer?.data ?? answer ?? {};
  if (answer?.success === false || result.error) throw socketRefusal({ ...answer, ...result });
  return result;
}

/** Tell what is true just now; nothing when there is no connection. */
export function say(event, data) {
  if (socket?.connected) socket.emit(event, data);
}

function changeInstance(payload, change) {
  if (known.instances.has(payload.instanceId)) put("instances", { id: payload.instanceId, ...change });
  else load("instances").catch(() => {});
}

function stopPairing(instanceId) {
  if (known.pairing.delete(instanceId)) tell("pairing", instanceId);
}

const SHOWS_CODE = new Set(["qr_pending", "pairing"]);

const HANDLERS = {
  "whatsapp:qr"(payload) {
    known.pairing.set(payload.instanceId, { ...payload, method: "qr" });
    changeInstance(payload, { status: "qr_pending", reason: null, detail: null });
    tell("pairing", payload.instanceId);
  },
  "whatsapp:pairing-code"(payload) {
    known.pairing.set(payload.instanceId, { ...payload, method: "code" });
    changeInstance(payload, { status: "pairing", reason: null, detail: null });
    tell("pairing", payload.instanceId);
  },
  "whatsapp:connected"(payload) {
    stopPairing(payload.instanceId);
    changeInstance(payload, { status: "connected", phone_number: payload.phoneNumber, reason: null, detail: null });
  },
  "whatsapp:status"(payload) {
    const { instanceId, status, reason = null, detail = null, phoneNumber, until = null } = payload;
    if (!SHOWS_CODE.has(status)) stopPairing(instanceId);
    changeInstance(payload, { status, reason, detail, until, ...(phoneNumber ? { phone_number: phoneNumber } : {}) });
  },
  new_message(payload) {
    const message = messageOf(payload);
    touchConversation(message);
    tell("message", message);
  },
  "message:updated"(payload) {
    const message = messageOf(payload);
    reviseConversation(message);
    tell("message-changed", message);
  },
  typing: (payload) => tell("typing", snake(payload)),
  presence: (payload) => tell("presence", snake(payload)),
  message_status: (payload) => tell("message-status", snake(payload)),
  "contact:created": (payload) => put("contacts", snake(payload)),
  "contact:updated"({ mergedIds = [], ...payload }) {
    for (const id of mergedIds) drop("contacts", id);
    put("contacts", snake(payload));
    // two contacts turned out to be one person: their conversations and bookings moved
    if (mergedIds.length) tell("merged");
  },
  "note:created": (payload) => tell("note", snake(payload)),
  "note:updated": (payload) => tell("note", snake(payload)),
  "conversation:updated": (payload) => put("conversations", snake(payload)),
  "booking:created": (payload) => put("bookings", snake(payload)),
  "booking:updated": (payload) => put("bookings", snake(payload)),
};

/** The newest message of its conversation says something else now: it was edited, deleted, or became readable. */
function reviseConversation(message) {
  const last = recordOf("conversations", message.conversation_id)?.last_message;
  if (last?.id !== message.id || (last.revision ?? 0) > (message.revision ?? 0)) return;
  const { text, type, revoked_at, revision } = message;
  put("conversations", { id: message.conversation_id, last_message: { ...last, text, type, revoked_at, revision } });
}

function touchConversation(message) {
  const id = message.conversation_id;
  if (!id) return;
  const conversation = recordOf("conversations", id);
  if (!conversation) return readNewest(id);
  const { text, type, direction, timestamp } = message;
  const order_key = orderKey(message);
  const { last_message: last, unread_count: before = 0, status } = conversation;
  if (last?.id === message.id) return reviseConversation(message); // known already
  if (last && byOrder(last, message) >= 0) return; // known already
  const answered = direction === "outbound";
  put("conversations", {
    id, last_message: { id: message.id, text, type, direction, timestamp, order_key }, order_key, updated_at: new Date(order_key / 1000).toISOString(),
    unread_count: answered ? 0 : before + 1, status: answered ? status : "open",
  });
}
