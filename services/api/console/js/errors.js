// Errors become sentences for the person at the screen. What the API says in `detail` is for programmers: it is never shown.

import { FAILURES, FIELD_CODES, FIELDS, REASONS, REFUSALS } from "./error_texts.js";

const has = (table, key) => typeof key === "string" && Object.hasOwn(table, key);

/** Of a refusal without a known code, by its HTTP status. */
const BY_STATUS = [
  [500, "The server could not do this right now."],
  [429, "Too many requests were made in a short time."],
  [413, "This is too much at once. Shorten it and try again."],
  [409, "This cannot be done right now. Reload the page to see what has changed."],
  [404, "This does not exist any more. Reload the page to see what is there."],
  [403, "You may not do this. Ask an owner of your organization."],
  [401, "Your login has ended. Log in again."],
  [400, "The server did not accept this. Reload the page and try again."],
  [0, "This did not work. Reload the page and try again."],
];
const NEEDS_OPERATOR = new Set(["internal_error", "http_error"]);

/** "Try again in 12 seconds." */
export function again(seconds) {
  if (!(seconds > 0)) return "Try again in a moment.";
  const whole = Math.ceil(seconds);
  if (whole < 100) return `Try again in ${whole} ${whole === 1 ? "second" : "seconds"}.`;
  const minutes = Math.ceil(whole / 60);
  return minutes < 100 ? `Try again in ${minutes} minutes.` : `Try again in ${Math.ceil(minutes / 60)} hours.`;
}

/** An operator finds a request by its id in the log. */
function report(requestId) {
  const usable = /^[\w.:-]{1,80}$/.test(requestId ?? "");
  const named = usable ? `the request id ${requestId}` : "what you did and when";
  return `If it happens again, tell the person who runs this server ${named}.`;
}

export const isKnown = (code) => has(REFUSALS, code) || has(REASONS, code) || has(FAILURES, code);

/** What happened and what to do. `code`: of docs/errors.md; `retryAfter`: seconds. */
export function sentenceOf({ code, status = 0, retryAfter, requestId }) {
  const table = [REFUSALS, REASONS, FAILURES].find((sentences) => has(sentences, code));
  if (table && !NEEDS_OPERATOR.has(code)) {
    const sentence = table[code];
    if (sentence.includes("{again}")) return sentence.replace("{again}", again(retryAfter));
    return retryAfter > 0 ? `${sentence} ${again(retryAfter)}` : sentence;
  }
  const happened = table ? table[code] : BY_STATUS.find(([least]) => status >= least)[1];
  const when = status === 429 || status >= 500 ? again(retryAfter) : "";
  return [happened, when, report(requestId)].filter(Boolean).join(" ");
}

/** Why an account is not connected; null without a reason. */
export function reasonSentence(reason) {
  if (!reason) return null;
  return has(REASONS, reason) ? REASONS[reason] : "The connection ended. Connect again; if it ends again, ask the person who runs this server.";
}

/** Why a message was not sent, by `error` of its record: `<code>: <detail>`. */
export function failureSentence(error) {
  const code = /^[a-z_]+(?=:|$)/.exec(error ?? "")?.[0];
  return has(FAILURES, code) ? FAILURES[code] : "WhatsApp did not accept this message. Try again.";
}

/** What is wrong with a field of a form. */
export function fieldSentence({ field, code }) {
  const name = String(field).split(".").at(-1);
  if (code === "missing") return FIELD_CODES.missing;
  if (has(FIELDS, name)) return FIELDS[name];
  return has(FIELD_CODES, code) ? FIELD_CODES[code] : "This cannot be used. Check it and try again.";
}

/** An error whose `message` may be shown. */
export class Refusal extends Error {
  constructor({ code = "unknown", status = 0, retryAfter, requestId, retryable }, sentence) {
    super(sentence ?? sentenceOf({ code, status, retryAfter, requestId }));
    Object.assign(this, { code, status, retryAfter });
    this.retryable = retryable ?? (status === 0 || status === 429 || status >= 500);
  }
}

/** The refusal of a socket: an answer with `success: false`. */
export function socketRefusal(answer) {
  const { code, error, retryAfter, retryable = true } = answer;
  const failed = code === "message_failed" ? failureSentence(error) : undefined;
  return new Refusal({ code, status: 400, retryAfter, retryable }, failed);
}

/** Whatever was thrown, as an error whose message may be shown; a fault of the page is told to its developers. */
export function forPeople(problem) {
  if (problem instanceof Refusal) return problem;
  console.error(problem);
  return new Refusal({ code: "page_failed" });
}
