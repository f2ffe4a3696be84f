// The session of all tabs of this browser: the access token, and the refresh token, which can be used once.

const STORAGE_KEY = "switchboard.session";
const LOCK_NAME = "switchboard.renewing";
const RENEWAL_MARGIN_MS = 60_000;
const MIN_RENEWAL_DELAY_MS = 5_000;
const LOCK_TIMEOUT_MS = 15_000;

let session = read();
let sessionEnded = () => {};

function read() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY));
  } catch {
    return null;
  }
}

export const currentSession = () => session;

/** The user's id in the access token; null when there is none. */
export function ownId() {
  try {
    return JSON.parse(atob(session.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub ?? null;
  } catch {
    return null;
  }
}

/** `value`: {token, refreshToken, renewAt, organizationId, email}; null deletes the session. */
export function saveSession(value) {
  session = value;
  if (value) localStorage.setItem(STORAGE_KEY, JSON.stringify(value));
  else localStorage.removeItem(STORAGE_KEY);
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

addEventListener("storage", (event) => {
  if (event.key !== STORAGE_KEY) return;
  const before = session;
  session = read();
  if (before && !session) sessionEnded();
});

export const isDue = () => Boolean(session?.refreshToken && session.renewAt && Date.now() >= session.renewAt);

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
    const stored = read();
    if (!stored?.refreshToken) return;
    if (stored.token !== used) {
      session = stored;
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
