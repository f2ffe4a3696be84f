// Linking an account: requests a code, another code, or the current code after a reload of the page.

import { get, post } from "../../network/rest.js";
import { store, on, publish } from "../../store/store.js";

export const pathOf = (instance, action = "") => `/api/whatsapp/instances/${encodeURIComponent(instance.id)}${action}`;

const SHOWS_CODE = { qr_pending: "qr", pairing: "code" };
const STORAGE_KEY_PREFIX = "switchboard.linking.";
const FIRST_CODE_TIMEOUT_MS = 15_000;
const requesting = new Set();

/** Whether the account's status means that it has a code. */
export const showsCode = (instance) => Boolean(instance && SHOWS_CODE[instance.status]);

/** Whether this page is requesting a code for the account. */
export const isRequestingCode = (id) => requesting.has(id);

/** The last attempt to link the account: {method, phoneNumber}; stored for every tab until it is linked. */
export function attemptOf(id) {
  try {
    return { method: "qr", ...JSON.parse(localStorage.getItem(STORAGE_KEY_PREFIX + id)) };
  } catch {
    return { method: "qr" };
  }
}

export function saveAttempt(id, attempt) {
  try {
    if (attempt) localStorage.setItem(STORAGE_KEY_PREFIX + id, JSON.stringify(attempt));
    else localStorage.removeItem(STORAGE_KEY_PREFIX + id);
  } catch {
    // storage is full or forbidden: the number has to be typed again
  }
}

/** Deletes the stored phone numbers at logout, for shared computers. */
export function deleteAttempts() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(STORAGE_KEY_PREFIX)) localStorage.removeItem(key);
}

/** Stores an issued code: {method, phoneNumber, pairingCode | qr, dataUrl, attempt, expiresAt}. */
export function showCode(id, code) {
  store.pairing.set(id, code);
  publish("pairing", id);
}

function hideCode(id) {
  if (store.pairing.delete(id)) publish("pairing", id);
}

/** Reads the current code, which may have been issued before the page was loaded; null when there is none. Throws ApiError. */
export async function readCurrentCode(id) {
  const method = SHOWS_CODE[store.instances.get(id)?.status];
  if (!method) return null;
  const path = pathOf({ id }, method === "qr" ? "/qr" : "/pairing-code");
  const { data } = await get(path).catch((problem) => {
    if (problem.status === 404) return { data: null };
    throw problem;
  });
  if (!data) return null;
  const about = method === "qr"
    ? { qr: data.qr, dataUrl: data.data_url, attempt: data.attempt }
    : { pairingCode: data.code, phoneNumber: data.phone_number };
  return { method, ...about, expiresAt: data.expires_at };
}

/** Connects; an account that is not linked gets a code. `attempt`: {method, phoneNumber}. Throws ApiError. */
export async function connect({ id }, attempt) {
  const { method, phoneNumber } = attempt;
  saveAttempt(id, attempt);
  const answer = await post(pathOf({ id }, "/connect"), method === "qr" ? { method } : { method, phone_number: phoneNumber });
  if (!answer.pairingCode) return;
  const number = store.pairing.get(id)?.phoneNumber ?? phoneNumber; // as normalised by the server, when its event came first
  showCode(id, { method, phoneNumber: number, pairingCode: answer.pairingCode, expiresAt: answer.expires_at });
}

/** Resolves when the QR code came over the socket, or when none is to be expected. */
function firstCode(id) {
  return new Promise((resolve) => {
    const isOver = () => {
      const { status, reason } = store.instances.get(id) ?? { status: "failed" };
      return store.pairing.has(id) || ["connected", "failed", "logged_out", "restricted"].includes(status) || /^pairing_/.test(reason);
    };
    const check = () => isOver() && done();
    const stops = [on("pairing", check), on("instances", check)];
    const timer = setTimeout(done, FIRST_CODE_TIMEOUT_MS);
    function done() {
      clearTimeout(timer);
      for (const stop of stops) stop();
      resolve();
    }
  });
}

/** Requests a new code in place of the current one. Throws ApiError. */
export async function requestCode(instance, attempt) {
  const { id } = instance;
  if (requesting.has(id)) return;
  requesting.add(id);
  try {
    const before = store.pairing.get(id)?.method ?? SHOWS_CODE[store.instances.get(id)?.status];
    hideCode(id);
    publish("pairing", id);
    if (before === attempt.method) await post(pathOf(instance, "/disconnect")); // otherwise the server answers with the same code again
    await connect(instance, attempt);
    if (!store.pairing.has(id)) await firstCode(id);
  } finally {
    requesting.delete(id);
    publish("pairing", id);
  }
}

/** A new simulated phone gets a pairing code to type. */
export async function requestSimulatedCode(instance) {
  const { number } = await post("/api/simulator/phones", {});
  await requestCode(instance, { method: "code", phoneNumber: number });
}
