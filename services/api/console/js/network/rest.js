// The client of the REST API: sends the access token and renews it in time.

import { fieldText, RequestError } from "./errors.js";
import { currentSession, isDue, renew } from "./session.js";

let sessionExpired = () => {};

export function onSessionExpired(listener) {
  sessionExpired = listener;
}

/** An error response of the API: `status`, stable `code`, a `message` for the user, `fields` {name: text}, `details`: its body. */
export class ApiError extends RequestError {
  constructor(status, { code, retry_after: retryAfter, request_id: requestId, errors, details = {} }) {
    super({ code, status, retryAfter, requestId });
    this.details = details;
    this.fields = Object.fromEntries((Array.isArray(errors) ? errors : []).map((entry) => [entry.field, fieldText(entry)]));
  }
}

/** The error of a response. Responses of the simulated network have no code; theirs is `simulator_<status>`. */
async function errorOf(answer, path) {
  const body = (await answer.json().catch(() => null)) ?? {};
  const fields = {
    code: typeof body.code === "string" ? body.code : path.startsWith("/api/simulator/") ? `simulator_${answer.status}` : undefined,
    retry_after: Number(body.retry_after ?? answer.headers.get("Retry-After")) || undefined,
    request_id: body.request_id ?? answer.headers.get("X-Request-Id"),
  };
  return new ApiError(answer.status, { ...fields, errors: body.errors, details: body });
}

let clockOffsetMs = 0;

/** The server's time: a browser's clock may be wrong by minutes, and codes expire within minutes. */
export const serverNow = () => Date.now() + clockOffsetMs;

function updateClockOffset(answer) {
  const serverTime = Date.parse(answer.headers.get("Date") ?? "");
  const difference = serverTime + 500 - Date.now(); // the header has whole seconds
  if (Number.isFinite(difference)) clockOffsetMs = Math.abs(difference) > 2000 ? difference : 0;
}

const TIME_LIMIT_MS = 20_000;
/** A refresh token can be used once: giving up on a slow answer would end the login. */
const RENEWAL_TIME_LIMIT_MS = 60_000;

/** Calls `work(signal)`, whose signal is aborted by the time limit, which is an ApiError, or by the caller's `signal`. */
async function withTimeLimit(work, { timeLimitMs = TIME_LIMIT_MS, signal }) {
  const aborter = new AbortController();
  const cancel = () => aborter.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    aborter.abort();
  }, timeLimitMs);
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel);
  try {
    return await work(aborter.signal);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ApiError(0, { code: isLate ? "answer_too_late" : "unreachable" });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

async function parsed(answer, signal, as) {
  if (as === "blob") return answer.blob();
  return answer.json().catch((error) => {
    if (signal.aborted) throw error;
    return {};
  });
}

function send(method, path, { body, query, headers, as = "json", ...limits }) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) for (const each of [value].flat()) if (each) url.searchParams.append(name, each);
  const sent = { Accept: "application/json", ...headers };
  const token = currentSession()?.token;
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  return withTimeLimit(async (signal) => {
    const answer = await fetch(url, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal });
    updateClockOffset(answer);
    if (!answer.ok) throw await errorOf(answer, path);
    return parsed(answer, signal, as);
  }, limits);
}

const RENEWABLE_CODES = new Set(["token_expired", "role_changed"]);

/** Gets new tokens in place of the token `used`; a 401 ends the session. Throws ApiError. */
export async function renewSession(used) {
  try {
    await renew((token) => send("POST", "/api/auth/refresh", { body: { refresh_token: token }, timeLimitMs: RENEWAL_TIME_LIMIT_MS }), used);
  } catch (problem) {
    if (problem.status === 401) sessionExpired(problem);
    throw problem;
  }
}

/** call("POST", "/api/…", {body, query, signal, headers, timeLimitMs}) → parsed response. Throws ApiError, or AbortError of the signal. */
export async function call(method, path, options = {}) {
  if (path.startsWith("/api/auth/log") || path.startsWith("/api/auth/reg")) return send(method, path, options);
  if (isDue()) await renewSession(currentSession().token).catch(() => {}); // the old token is valid for a while; the next call tries again
  const used = currentSession()?.token; // another tab may renew it before the response arrives
  try {
    return await send(method, path, options);
  } catch (problem) {
    const session = currentSession();
    if (problem.status !== 401 || !session) throw problem;
    if (!RENEWABLE_CODES.has(problem.code) || !session.refreshToken) sessionExpired(problem);
    else {
      await renewSession(used);
      return send(method, path, options);
    }
    throw problem;
  }
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body = {}, more = {}) => call("POST", path, { body, ...more });
export const patch = (path, body) => call("PATCH", path, { body });
export const remove = (path, body) => call("DELETE", path, { body });

/** A file of the API, which needs the access token. */
export const readBlob = (path) => call("GET", path, { as: "blob" });
