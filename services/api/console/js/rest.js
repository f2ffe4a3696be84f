// The REST API: one function, one error type, one place that knows the token.

const KEY = "switchboard.session";
let session = read();
let onExpired = () => {};

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export const currentSession = () => session;

/** `value`: {token, organizationId, email} or null to forget it. */
export function keepSession(value) {
  session = value;
  if (value) localStorage.setItem(KEY, JSON.stringify(value));
  else localStorage.removeItem(KEY);
}

export function whenExpired(listener) {
  onExpired = listener;
}

/** What the API refused: `status`, stable `code`, `detail` for people, `fields` {name: message}. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.detail ?? body.error ?? `The server answered ${status}; try again in a moment.`);
    this.status = status;
    this.code = body.code ?? "unknown";
    this.fields = Object.fromEntries((body.errors ?? []).map((entry) => [entry.field, entry.message]));
  }

  get retryable() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const UNREACHABLE = { code: "unreachable", detail: "The server cannot be reached. Check that Switchboard is running, then try again." };

/** call("POST", "/api/…", {body, query, signal, headers}) → parsed answer; throws ApiError, or AbortError of the signal. */
export async function call(method, path, { body, query, signal, headers } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) if (value) url.searchParams.set(name, value);
  const sent = { Accept: "application/json", ...headers };
  if (session) sent.Authorization = `Bearer ${session.token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(url, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, UNREACHABLE);
  }
  const parsed = await answer.json().catch(() => ({}));
  if (answer.ok) return parsed;
  const problem = new ApiError(answer.status, parsed);
  if (answer.status === 401 && session && !path.startsWith("/api/auth/")) onExpired(problem);
  throw problem;
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body = {}, more = {}) => call("POST", path, { body, ...more });
