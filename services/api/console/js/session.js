// Who is logged in, in every tab of this browser: the access token, and the refresh token that gets the next one, once.

const KEY = "switchboard.session";
const CLAIM = "switchboard.renewing";
const MARGIN = 60_000;
const LEAST = 5_000;
const CLAIM_LASTS = 15_000;

let session = read();
let onEnded = () => {};

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export const currentSession = () => session;

/** The user's id, as the access token says it; null when it says none. */
export function ownId() {
  try {
    return JSON.parse(atob(session.token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub ?? null;
  } catch {
    return null;
  }
}

/** `value`: {token, refreshToken, renewAt, organizationId, email} or null to forget it. */
export function keepSession(value) {
  session = value;
  if (value) localStorage.setItem(KEY, JSON.stringify(value));
  else localStorage.removeItem(KEY);
}

/** The part of a session that a login and a refresh answer; `renewAt`: when the token is renewed, by this clock. */
export function tokensOf({ token, refresh_token: refreshToken, expires_at: until }) {
  const left = until ? Date.parse(until) - Date.now() : Infinity;
  const early = Math.min(MARGIN, left / 4);
  return { token, refreshToken, renewAt: Number.isFinite(left) ? Date.now() + Math.max(LEAST, left - early) : null };
}

/** `listener` is called when another tab logged out. */
export function whenEnded(listener) {
  onEnded = listener;
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const before = session;
  session = read();
  if (before && !session) onEnded();
});

export const isDue = () => Boolean(session?.refreshToken && session.renewAt && Date.now() >= session.renewAt);

let renewing = null;

/**
 * Get new tokens in place of the token `used`, unless this or another tab did so meanwhile; `refresh(refreshToken)` asks
 * for them. Throws what it throws.
 */
export function renew(refresh, used) {
  renewing ??= locked(() => exchange(used, refresh)).finally(() => { renewing = null; });
  return renewing;
}

async function exchange(used, refresh) {
  for (const last = Date.now() + CLAIM_LASTS; Date.now() < last; ) {
    const stored = read();
    if (!stored?.refreshToken) return;
    if (stored.token !== used) {
      session = stored;
      return;
    }
    if (await claim(stored.refreshToken)) return exchangeClaimed(stored, refresh);
    await new Promise((resolve) => setTimeout(resolve, 50)); // what the other tab stored is not visible here yet
  }
}

async function exchangeClaimed(stored, refresh) {
  try {
    keepSession({ ...stored, ...tokensOf(await refresh(stored.refreshToken)) });
  } catch (problem) {
    releaseClaim(); // another tab may try
    throw problem;
  }
}

let releaseClaim = () => {};

/**
 * Whether this tab may show this refresh token; for as long as it lives no other one may. A browser shows a tab what
 * another tab stored a moment later, so that reading behind a lock may still find the token that was used just now.
 */
function claim(refreshToken) {
  if (!navigator.locks) return true; // `locked` waits there between the claim and this
  return new Promise((resolve, reject) => {
    const held = (lock) => {
      resolve(Boolean(lock));
      if (!lock) return undefined;
      releaseClaim();
      return new Promise((release) => { releaseClaim = release; });
    };
    navigator.locks.request(`${CLAIM}:${refreshToken}`, { ifAvailable: true }, held).catch(reject);
  });
}

/** One tab at a time: a refresh token that is shown twice ends the login. */
async function locked(work) {
  if (navigator.locks) return navigator.locks.request(CLAIM, work);
  const mine = `${Date.now() + CLAIM_LASTS}:${Math.random()}`; // plain http beyond localhost has no locks
  while (localStorage.getItem(CLAIM) !== mine) {
    if (parseInt(localStorage.getItem(CLAIM) ?? "0") < Date.now()) localStorage.setItem(CLAIM, mine);
    await new Promise((resolve) => setTimeout(resolve, 40 + 40 * Math.random()));
  }
  try {
    return await work();
  } finally {
    localStorage.removeItem(CLAIM);
  }
}
