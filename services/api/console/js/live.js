// The one socket: events become records in the store; after an interruption everything is read again over REST.

import { io } from "../vendor/socket.io.esm.min.js";
import { currentSession, get } from "./rest.js";
import { known, load, put, tell } from "./store.js";

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

/** The server refused the socket: an expired token ends the session by the 401 of this read, all else is tried again. */
async function rejected(refused) {
  await get("/api/organization").catch(() => {});
  setTimeout(() => refused === socket && refused.connect(), PATIENCE);
}

export function connectLive() {
  disconnectLive();
  socket = io({ auth: { token: currentSession().token }, transports: ["websocket", "polling"], reconnectionDelayMax: 4000 });
  let before = false;
  socket.on("connect", async () => {
    known.online = true;
    tell("online");
    await socket.timeout(8000).emitWithAck("join-organization", currentSession().organizationId).catch(() => {});
    if (before) await resync();
    before = true;
  });
  socket.on("disconnect", (reason) => {
    known.online = false;
    tell("online");
    if (reason === "io server disconnect") setTimeout(() => socket?.connect(), 1000);
  });
  socket.on("connect_error", () => {
    known.online = false;
    tell("online");
    if (socket && !socket.active) rejected(socket);
  });
  for (const [name, handle] of Object.entries(HANDLERS)) socket.on(name, handle);
}

export function disconnectLive() {
  socket?.disconnect();
  socket = null;
}

/** What was missed while the socket was away. */
async function resync() {
  await Promise.all([...known.loaded].map((name) => load(name).catch(() => {})));
  tell("resync");
}

/** Send a text; resolves to {messageId, timestamp} or throws {error, code, retryable}. */
export async function sendMessage(message) {
  if (!socket?.connected) throw { error: "No connection to the server. The message was not sent.", code: "offline", retryable: true };
  let answer;
  try {
    answer = await socket.timeout(20_000).emitWithAck("send_message", message);
  } catch {
    throw { error: "The server did not answer in time. Trying again will not send it twice.", code: "timeout", retryable: true };
  }
  const result = answer?.data ?? answer ?? {};
  if (answer?.success === false || result.error) throw { retryable: true, ...answer, ...result };
  return result;
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
  message_status: (payload) => tell("message-status", snake(payload)),
  "contact:created": (payload) => put("contacts", snake(payload)),
  "contact:updated"({ mergedIds = [], ...payload }) {
    for (const id of mergedIds) known.contacts.delete(id);
    put("contacts", snake(payload));
    // two contacts turned out to be one person: their conversations and bookings moved
    if (mergedIds.length) for (const name of ["conversations", "bookings"]) load(name).catch(() => {});
  },
  "note:created": (payload) => tell("note", snake(payload)),
  "booking:created": (payload) => put("bookings", snake(payload)),
  "booking:updated": (payload) => put("bookings", snake(payload)),
};

function touchConversation(message) {
  const id = message.conversation_id;
  if (!id) return;
  if (!known.conversations.has(id)) return void load("conversations").catch(() => {});
  const { text, type, direction, timestamp } = message;
  put("conversations", { id, last_message: { id: message.id, text, type, direction, timestamp }, updated_at: timestamp });
}
