// The Socket.IO connection: events update the store; after an interruption the server sends the missed events.

import { io } from "../../vendor/socket.io.esm.min.js";
import { byOrder, orderKey } from "../store/order_keys.js";
import { RequestError, socketError } from "./errors.js";
import { cancelReads, readNewConversation } from "../store/new_conversations.js";
import { get, renewSession } from "./rest.js";
import { currentSession } from "./session.js";
import { removeRecord, clearOldRecords, store, load, put, recordOf, publish } from "../store/store.js";

let socket = null;

const snakeKey = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** {contactId: 1} → {contact_id: 1}: socket events are camelCase, the console uses REST's names. */
export function snake(value) {
  if (Array.isArray(value)) return value.map(snake);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [snakeKey(key), snake(entry)]));
}

/** The message record of a `new_message` payload. */
export function messageOf(payload) {
  const { content, isOutgoing, from, to, ...rest } = payload;
  const record = snake(rest);
  return { kind: "message", type: "text", ...record, text: content, direction: isOutgoing ? "outbound" : "inbound", from_address: from, to_address: to };
}

const RECONNECT_DELAY_MS = 3000;
const JOIN_TIMEOUT_MS = 1500;

/** Position in the event stream: the newest sequence, and the names of its events received so far; null: all of them. */
let streamPosition = { sequence: null, names: null };
let joined = null;
let resolveJoined = () => {};

/** Socket events of one stream event share its sequence, and the connection may be lost between them. */
const since = () => (streamPosition.sequence === null ? {} : { since: streamPosition.names ? streamPosition.sequence - 1 : streamPosition.sequence });

/** Whether this event was not received before. */
function isNewEvent(name, sequence) {
  if (!Number.isInteger(sequence)) return true;
  if (sequence !== streamPosition.sequence) streamPosition = { sequence, names: new Set() };
  if (!streamPosition.names || streamPosition.names.has(name)) return false;
  streamPosition.names.add(name);
  return true;
}

/** Resolves when the socket has joined the organization, or after JOIN_TIMEOUT_MS. */
export const whenJoined = () => Promise.race([joined, new Promise((resolve) => setTimeout(resolve, JOIN_TIMEOUT_MS))]);

const RENEWABLE_CODES = new Set(["token_expired", "role_changed"]);

/** The server rejected the connection: renew expired tokens; with an invalid one the read gets a 401, which ends the session. */
async function handleRejection(connection, code, used) {
  const attempt = RENEWABLE_CODES.has(code) ? renewSession(used) : get("/api/organization");
  const done = await attempt.then(() => true, () => false);
  setTimeout(() => connection === socket && connection.connect(), done && RENEWABLE_CODES.has(code) ? 0 : RECONNECT_DELAY_MS);
}

const anyListeners = new Set();

/** Calls `listener(name, payload)` at every event of the socket. → a function that unsubscribes */
export function onAnyEvent(listener) {
  anyListeners.add(listener);
  return () => anyListeners.delete(listener);
}

export function connectSocket() {
  disconnectSocket();
  streamPosition = { sequence: null, names: null };
  joined = new Promise((resolve) => { resolveJoined = resolve; });
  let used = null;
  const auth = (give) => give({ token: (used = currentSession()?.token), ...since() });
  const connection = io({ auth, transports: ["websocket", "polling"], reconnectionDelayMax: 4000 });
  socket = connection;
  connection.on("connect", () => join(connection));
  connection.on("disconnect", (reason) => {
    setOffline();
    if (reason === "io server disconnect") setTimeout(() => connection === socket && connection.connect(), 1000);
  });
  connection.on("connect_error", (error) => {
    setOffline();
    if (connection === socket && !connection.active) handleRejection(connection, error.data?.code, used);
  });
  connection.on("resync", ({ sequence }) => {
    streamPosition = { sequence, names: null };
    readAllAgain();
  });
  connection.onAny((name, payload) => { for (const listener of anyListeners) listener(name, payload); });
  for (const [name, handle] of Object.entries(HANDLERS)) connection.on(name, (payload) => isNewEvent(name, payload?.sequence) && handle(payload));
}

/** Missed events arrive before the acknowledgement. Without it, or when the first one is late, everything is read again. */
async function join(connection) {
  const first = streamPosition.sequence === null;
  store.online = true;
  publish("online");
  const answer = await connection.timeout(8000).emitWithAck("join-organization", currentSession()?.organizationId).catch(() => null);
  if (!answer?.success || (first && store.loaded.size)) readAllAgain();
  if (answer?.success && (streamPosition.sequence === null || answer.sequence > streamPosition.sequence)) streamPosition = { sequence: answer.sequence, names: null };
  resolveJoined();
}

function setOffline() {
  store.online = false;
  publish("online");
}

export function disconnectSocket() {
  socket?.disconnect();
  socket = null;
  cancelReads();
}

/** Reads everything again that may be out of date. */
async function readAllAgain() {
  clearOldRecords();
  await Promise.all([...store.loaded].map((name) => load(name).catch(() => {})));
  publish("resync");
}

/** Sends a text. → {messageId, timestamp}. Throws RequestError. */
export async function sendMessage(message) {
  if (!socket?.connected) throw new RequestError({ code: "offline", retryable: true });
  let answer;
  try {
    answer = await socket.timeout(20_000).emitWithAck("send_message", message);
  } catch {
    throw new RequestError({ code: "timeout", retryable: true });
  }
  const result = answer?.data ?? answer ?? {};
  if (answer?.success === false || result.error) throw socketError({ ...answer, ...result });
  return result;
}

/** Sends an ephemeral event; does nothing while disconnected. */
export function emitEphemeral(event, data) {
  if (socket?.connected) socket.emit(event, data);
}

function changeInstance(payload, change) {
  if (store.instances.has(payload.instanceId)) put("instances", { id: payload.instanceId, ...change });
  else load("instances").catch(() => {});
}

function removePairing(instanceId) {
  if (store.pairing.delete(instanceId)) publish("pairing", instanceId);
}

const SHOWS_CODE = new Set(["qr_pending", "pairing"]);

const HANDLERS = {
  "whatsapp:qr"(payload) {
    store.pairing.set(payload.instanceId, { ...payload, method: "qr" });
    changeInstance(payload, { status: "qr_pending", reason: null, detail: null });
    publish("pairing", payload.instanceId);
  },
  "whatsapp:pairing-code"(payload) {
    store.pairing.set(payload.instanceId, { ...payload, method: "code" });
    changeInstance(payload, { status: "pairing", reason: null, detail: null });
    publish("pairing", payload.instanceId);
  },
  "whatsapp:connected"(payload) {
    removePairing(payload.instanceId);
    changeInstance(payload, { status: "connected", phone_number: payload.phoneNumber, reason: null, detail: null });
  },
  "whatsapp:status"(payload) {
    const { instanceId, status, reason = null, detail = null, phoneNumber, until = null } = payload;
    if (!SHOWS_CODE.has(status)) removePairing(instanceId);
    changeInstance(payload, { status, reason, detail, until, ...(phoneNumber ? { phone_number: phoneNumber } : {}) });
  },
  new_message(payload) {
    const message = messageOf(payload);
    applyNewMessage(message);
    publish("message", message);
  },
  "message:updated"(payload) {
    const message = messageOf(payload);
    applyRevision(message);
    publish("message-changed", message);
  },
  typing: (payload) => publish("typing", snake(payload)),
  "colleague:typing": (payload) => publish("colleague-typing", snake(payload)),
  presence: (payload) => publish("presence", snake(payload)),
  message_status: (payload) => publish("message-status", snake(payload)),
  "contact:created": (payload) => put("contacts", snake(payload)),
  "contact:updated"({ mergedIds = [], ...payload }) {
    for (const id of mergedIds) removeRecord("contacts", id);
    put("contacts", snake(payload));
    // two contacts were merged: their conversations and bookings have moved
    if (mergedIds.length) publish("merged");
  },
  "note:created": (payload) => publish("note", snake(payload)),
  "note:updated": (payload) => publish("note", snake(payload)),
  "conversation:updated": (payload) => put("conversations", snake(payload)),
  "booking:created": (payload) => put("bookings", snake(payload)),
  "booking:updated": (payload) => put("bookings", snake(payload)),
};

/** Updates the preview when the newest message of the conversation was edited, deleted, or became readable. */
function applyRevision(message) {
  const last = recordOf("conversations", message.conversation_id)?.last_message;
  if (last?.id !== message.id || (last.revision ?? 0) > (message.revision ?? 0)) return;
  const { text, type, revoked_at, revision } = message;
  put("conversations", { id: message.conversation_id, last_message: { ...last, text, type, revoked_at, revision } });
}

function applyNewMessage(message) {
  const id = message.conversation_id;
  if (!id) return;
  const conversation = recordOf("conversations", id);
  if (!conversation) return readNewConversation(id);
  const { text, type, direction, timestamp } = message;
  const order_key = orderKey(message);
  const { last_message: last, unread_count: before = 0, status } = conversation;
  if (last?.id === message.id) return applyRevision(message); // a repeated event
  if (last && byOrder(last, message) >= 0) return; // an older message
  const answered = direction === "outbound";
  put("conversations", {
    id, last_message: { id: message.id, text, type, direction, timestamp, order_key }, order_key, updated_at: new Date(order_key / 1000).toISOString(),
    unread_count: answered ? 0 : before + 1, status: answered ? status : "open",
  });
}
