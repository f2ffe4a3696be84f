// Linking an account: asking WhatsApp for a code, for another one, and for the one that is on show after a reload.

import { get, post } from "./rest.js";
import { known, on, tell } from "./store.js";

export const pathOf = (instance, action = "") => `/api/whatsapp/instances/${encodeURIComponent(instance.id)}${action}`;

const SHOWS_CODE = { qr_pending: "qr", pairing: "code" };
const KEY = "switchboard.linking.";
const FIRST_CODE_LIMIT_MS = 15_000;
const asked = new Set();

/** The statuses with a code on show. */
export const showsCode = (instance) => Boolean(instance && SHOWS_CODE[instance.status]);

/** Whether a code of this account is being asked for by this page. */
export const isAsked = (id) => asked.has(id);

/** How the account was to be linked the last time: {method, phoneNumber}; kept until it is linked, for every tab. */
export function attemptOf(id) {
  try {
    return { method: "qr", ...JSON.parse(localStorage.getItem(KEY + id)) };
  } catch {
    return { method: "qr" };
  }
}

export function keepAttempt(id, attempt) {
  try {
    if (attempt) localStorage.setItem(KEY + id, JSON.stringify(attempt));
    else localStorage.removeItem(KEY + id);
  } catch {
    // a full or forbidden storage: the number has to be typed again
  }
}

/** Who logs out leaves no numbers behind on a shared computer. */
export function forgetAttempts() {
  for (const key of Object.keys(localStorage)) if (key.startsWith(KEY)) localStorage.removeItem(key);
}

/** A code that was issued: {method, phoneNumber, pairingCode | qr, dataUrl, attempt, expiresAt}. */
export function showCode(id, code) {
  known.pairing.set(id, code);
  tell("pairing", id);
}

function hideCode(id) {
  if (known.pairing.delete(id)) tell("pairing", id);
}

/** Read the code that is on show: it was issued before this page listened. null when there is none. Throws ApiError. */
export async function recallCode(id) {
  const method = SHOWS_CODE[known.instances.get(id)?.status];
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

/** Connect; an account that is not linked shows a code. `attempt`: {method, phoneNumber}. Throws ApiError. */
export async function connect({ id }, attempt) {
  const { method, phoneNumber } = attempt;
  keepAttempt(id, attempt);
  const answer = await post(pathOf({ id }, "/connect"), method === "qr" ? { method } : { method, phone_number: phoneNumber });
  if (!answer.pairingCode) return;
  const number = known.pairing.get(id)?.phoneNumber ?? phoneNumber; // as the server reads it, when it was told already
  showCode(id, { method, phoneNumber: number, pairingCode: answer.pairingCode, expiresAt: answer.expires_at });
}

/** A QR code comes over the socket: resolves when it did, or when none is to be expected. */
function firstCode(id) {
  return new Promise((resolve) => {
    const isOver = () => {
      const { status, reason } = known.instances.get(id) ?? { status: "failed" };
      return known.pairing.has(id) || ["connected", "failed", "logged_out", "restricted"].includes(status) || /^pairing_/.test(reason);
    };
    const look = () => isOver() && done();
    const stops = [on("pairing", look), on("instances", look)];
    const timer = setTimeout(done, FIRST_CODE_LIMIT_MS);
    function done() {
      clearTimeout(timer);
      for (const stop of stops) stop();
      resolve();
    }
  });
}

/** Ask for a code, instead of the one that may be on show. Throws ApiError. */
export async function askForCode(instance, attempt) {
  const { id } = instance;
  if (asked.has(id)) return;
  asked.add(id);
  try {
    const before = known.pairing.get(id)?.method ?? SHOWS_CODE[known.instances.get(id)?.status];
    hideCode(id);
    tell("pairing", id);
    if (before === attempt.method) await post(pathOf(instance, "/disconnect")); // else the same code is answered again
    await connect(instance, attempt);
    if (!known.pairing.has(id)) await firstCode(id);
  } finally {
    asked.delete(id);
    tell("pairing", id);
  }
}

/** A new simulated phone asks for a code to type. */
export async function askForSimulatedCode(instance) {
  const { number } = await post("/api/simulator/phones", {});
  await askForCode(instance, { method: "code", phoneNumber: number });
}
