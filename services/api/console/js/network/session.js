// The session of all tabs of this browser: the access token, and the refresh token, which can be used once.

import { signal } from "@preact/signals";

const STORAGE_KEY = "switchboard.session";
const LOCK_NAME = "switchboard.renewing";
const RENEWAL_MARGIN_MS = 60_000;
const MIN_RENEWAL_DELAY_MS = 5_000;
const LOCK_TIMEOUT_MS = 15_000;

const session = signal(read());
let sessionEnded = () => {};
let sessionReplaced = () => {};

function read() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY));
  } catch {
    return null;
  }
}

export const currentSession = () => session.value;

/** The claims of an access token; {} when it cannot be read. */
function claimsOf(value) {
  try {
    const payload = atob(value.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(payload, (character) => character.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** The user's id in the access token; null when there is none. */
export const ownId = () => claimsOf(session.value).sub ?? null;

/** Whether the access token allows this: "read", "send" or "manage". */
export function can(scope) {
  return claimsOf(session.value).scopes?.includes(scope) ?? true; // the server decides
}

export const ownRole = () => claimsOf(session.value).role ?? null;

/** `value`: {token, refreshToken, renewAt, organizationId, email}; null deletes the session. */
export function saveSession(value) {
  session.value = value;
  try {
    if (value) localStorage.setItem(STORAGE_KEY, JSON.stringify(value));
    else localStorage.removeItem(STORAGE_KEY);
  } catch {
    // storage is forbidden: the session lasts as long as this page
  }
}

/** The session fields of a login or refresh response; `renewAt`: when to renew the token, by this computer's clock. */
export function tokensOf({ token, refresh_token: refreshToken, expires_at: until }) {
  const lifetimeMs = until ? Date.parse(until) - Date.now() : Infinity;
  const early = Math.min(RENEWAL_MARGIN_MS, lifetimeMs / 4);
  return { token, refreshToken, renewAt: Number.isFinite(lifetimeMs) ? Date.now() + Math.max(MIN_RENEWAL_DELAY_MS, lifetimeMs - early) : null };
}

/** `listener` is called when another tab has logged out. */
export function onSessionEnded(listener) {
  sessionEnded = listener;
}

/** `listener` is called when another tab has logged in another user: this tab must not act for that user. */
export function onSessionReplaced(listener) {
  sessionReplaced = listener;
}

const userOf = (value) => `${value.organizationId} ${claimsOf(value).sub ?? value.email}`;

addEventListener("storage", (event) => {
  if (event.key !== STORAGE_KEY) return;
  const before = session.value;
  const now = read();
  if (before && now && userOf(before) !== userOf(now)) return void sessionReplaced(now);
  session.value = now;
  if (before && !now) sessionEnded();
});

export const isDue = () => Boolean(session.value?.refreshToken && session.value.renewAt && Date.now() >= session.value.renewAt);

let renewing = null;

/**
 * Gets new tokens in place of the token `used`, unless this or another tab has done so; `refresh(refreshToken)` requests
 * them, and its errors are passed on.
 */
export function renew(refresh, used) {
  renewing ??= withLock(() => exchange(used, refresh)).finally(() => { renewing = null; });
  return renewing;
}

async function exchange(used, refresh) {
  for (const last = Date.now() + LOCK_TIMEOUT_MS; Date.now() < last; ) {
    const stored = read() ?? session.value;
    if (!stored?.refreshToken || !session.value || userOf(stored) !== userOf(session.value)) return;
    if (stored.token !== used) {
      session.value = stored;
      return;
    }
    if (await lockRefreshToken(stored.refreshToken)) return exchangeLocked(stored, refresh);
    await new Promise((resolve) => setTimeout(resolve, 50)); // the tokens stored by the other tab are not visible here yet
  }
}

async function exchangeLocked(stored, refresh) {
  try {
    saveSession({ ...stored, ...tokensOf(await refresh(stored.refreshToken)) });
  } catch (problem) {
    releaseRefreshToken(); // so that another tab can try
    throw problem;
  }
}

let releaseRefreshToken = () => {};

/**
 * Whether this tab may use this refresh token; no other tab may while this one is open. What a tab stores becomes visible
 * to other tabs only a moment later, so a read inside the lock may still find a token that was just used.
 */
function lockRefreshToken(refreshToken) {
  if (!navigator.locks) return true; // without locks `withLock` has waited long enough
  return new Promise((resolve, reject) => {
    const onLock = (lock) => {
      resolve(Boolean(lock));
      if (!lock) return undefined;
      releaseRefreshToken();
      return new Promise((release) => { releaseRefreshToken = release; });
    };
    navigator.locks.request(`${LOCK_NAME}:${refreshToken}`, { ifAvailable: true }, onLock).catch(reject);
  });
}

/** One tab at a time: a refresh token that is used twice ends the session. */
async function withLock(work) {
  if (navigator.locks) return navigator.locks.request(LOCK_NAME, work);
  const mine = `${Date.now() + LOCK_TIMEOUT_MS}:${Math.random()}`; // plain http beyond localhost has no locks
  while (localStorage.getItem(LOCK_NAME) !== mine) {
    if (parseInt(localStorage.getItem(LOCK_NAME) ?? "0") < Date.now()) localStorage.setItem(LOCK_NAME, mine);
    await new Promise((resolve) => setTimeout(resolve, 40 + 40 * Math.random()));
  }
  try {
    return await work();
  } finally {
    localStorage.removeItem(LOCK_NAME);
  }
}
