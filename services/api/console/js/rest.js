// The REST API: one function, one error type, one place that sends the token and renews it in time.

import { fieldSentence, Refusal } from "./errors.js";
import { currentSession, isDue, renew } from "./session.js";

let onExpired = () => {};

export function whenExpired(listener) {
  onExpired = listener;
}

/** What the API refused: `status`, stable `code`, a `message` to be shown, `fields` {name: sentence}. */
export class ApiError extends Refusal {
  constructor(status, { code, retry_after: retryAfter, request_id: requestId, errors }) {
    super({ code, status, retryAfter, requestId });
    this.fields = Object.fromEntries((Array.isArray(errors) ? errors : []).map((entry) => [entry.field, fieldSentence(entry)]));
  }
}

/** The error of an answer. The simulated network has no codes: its statuses are told apart from the API's. */
async function refusalOf(answer, path) {
  const body = (await answer.json().catch(() => null)) ?? {};
  const told = {
    code: typeof body.code === "string" ? body.code : path.startsWith("/api/simulator/") ? `simulator_${answer.status}` : undefined,
    retry_after: Number(body.retry_after ?? answer.headers.get("Retry-After")) || undefined,
    request_id: body.request_id ?? answer.headers.get("X-Request-Id"),
  };
  return new ApiError(answer.status, { ...told, errors: body.errors });
}

let clockDifference = 0;

/** What time it is on the server: a browser's clock may be wrong by minutes, and codes live that long. */
export const serverNow = () => Date.now() + clockDifference;

function learnTime(answer) {
  const told = Date.parse(answer.headers.get("Date") ?? "");
  const difference = told + 500 - Date.now(); // whole seconds are told
  if (Number.isFinite(difference)) clockDifference = Math.abs(difference) > 2000 ? difference : 0;
}

async function send(method, path, { body, query, signal, headers }) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) for (const each of [value].flat()) if (each) url.searchParams.append(name, each);
  const sent = { Accept: "application/json", ...headers };
  const token = currentSession()?.token;
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "unreachable" });
  }
  learnTime(answer);
  if (!answer.ok) throw await refusalOf(answer, path);
  return answer.json().catch(() => ({}));
}

const OLD = new Set(["token_expired", "role_changed"]);

/** New tokens in place of the token `used`; a refusal ends the session. Throws ApiError. */
export async function renewSession(used) {
  try {
    await renew((token) => send("POST", "/api/auth/refresh", { body: { refresh_token: token } }), used);
  } catch (problem) {
    if (problem.status === 401) onExpired(problem);
    throw problem;
  }
}

/** call("POST", "/api/…", {body, query, signal, headers}) → parsed answer; throws ApiError, or AbortError of the signal. */
export async function call(method, path, options = {}) {
  if (path.startsWith("/api/auth/log") || path.startsWith("/api/auth/reg")) return send(method, path, options);
  if (isDue()) await renewSession(currentSession().token).catch(() => {}); // the token is good for a while; the next call tries again
  const used = currentSession()?.token; // another tab may renew it before the answer is here
  try {
    return await send(method, path, options);
  } catch (problem) {
    const session = currentSession();
    if (problem.status !== 401 || !session) throw problem;
    if (!OLD.has(problem.code) || !session.refreshToken) onExpired(problem);
    else {
      await renewSession(used);
      return send(method, path, options);
    }
    throw problem;
  }
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body = {}, more = {}) => call("POST", path, { body, ...more });
