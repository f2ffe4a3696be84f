// Texts of errors for the user. The API's `detail` is for programmers and never shown.

import { SEND_FAILURE_TEXTS, FIELD_CODE_TEXTS, FIELD_TEXTS, REASON_TEXTS, ERROR_TEXTS } from "./error_texts.js";

const hasOwn = (table, key) => typeof key === "string" && Object.hasOwn(table, key);

/** For errors without a known code, by HTTP status. */
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
export function retryHint(seconds) {
  if (!(seconds > 0)) return "Try again in a moment.";
  const whole = Math.ceil(seconds);
  if (whole < 100) return `Try again in ${whole} ${whole === 1 ? "second" : "seconds"}.`;
  const minutes = Math.ceil(whole / 60);
  return minutes < 100 ? `Try again in ${minutes} minutes.` : `Try again in ${Math.ceil(minutes / 60)} hours.`;
}

/** What to tell the operator, who finds the request by its id in the log. */
function reportHint(requestId) {
  const usable = /^[\w.:-]{1,80}$/.test(requestId ?? "");
  const named = usable ? `the request id ${requestId}` : "what you did and when";
  return `If it happens again, tell the person who runs this server ${named}.`;
}

export const hasText = (code) => hasOwn(ERROR_TEXTS, code) || hasOwn(REASON_TEXTS, code) || hasOwn(SEND_FAILURE_TEXTS, code);

/** What happened and what to do. `code`: of docs/errors.md; `retryAfter`: seconds. */
export function errorText({ code, status = 0, retryAfter, requestId }) {
  const table = [ERROR_TEXTS, REASON_TEXTS, SEND_FAILURE_TEXTS].find((sentences) => hasOwn(sentences, code));
  if (table && !NEEDS_OPERATOR.has(code)) {
    const sentence = table[code];
    if (sentence.includes("{again}")) return sentence.replace("{again}", retryHint(retryAfter));
    return retryAfter > 0 ? `${sentence} ${retryHint(retryAfter)}` : sentence;
  }
  const text = table ? table[code] : BY_STATUS.find(([least]) => status >= least)[1];
  const when = status === 429 || status >= 500 ? retryHint(retryAfter) : "";
  return [text, when, reportHint(requestId)].filter(Boolean).join(" ");
}

/** Why an account is not connected; null without a reason. */
export function reasonText(reason) {
  if (!reason) return null;
  return hasOwn(REASON_TEXTS, reason) ? REASON_TEXTS[reason] : "The connection ended. Connect again; if it ends again, ask the person who runs this server.";
}

/** Why a message was not sent; `error` of its record is `<code>: <detail>`. */
export function sendFailureText(error) {
  const code = /^[a-z_]+(?=:|$)/.exec(error ?? "")?.[0];
  return hasOwn(SEND_FAILURE_TEXTS, code) ? SEND_FAILURE_TEXTS[code] : "WhatsApp did not accept this message. Try again.";
}

/** Why the value of a form field was rejected. */
export function fieldText({ field, code }) {
  const name = String(field).split(".").at(-1);
  if (code === "missing") return FIELD_CODE_TEXTS.missing;
  if (hasOwn(FIELD_TEXTS, name)) return FIELD_TEXTS[name];
  return hasOwn(FIELD_CODE_TEXTS, code) ? FIELD_CODE_TEXTS[code] : "This cannot be used. Check it and try again.";
}

/** An error whose `message` may be shown to the user. */
export class RequestError extends Error {
  constructor({ code = "unknown", status = 0, retryAfter, requestId, retryable }, sentence) {
    super(sentence ?? errorText({ code, status, retryAfter, requestId }));
    Object.assign(this, { code, status, retryAfter });
    this.retryable = retryable ?? (status === 0 || status === 429 || status >= 500);
  }
}

/** The error of a socket acknowledgement with `success: false`. */
export function socketError(answer) {
  const { code, error, retryAfter, retryable = true } = answer;
  const failed = code === "message_failed" ? sendFailureText(error) : undefined;
  return new RequestError({ code, status: 400, retryAfter, retryable }, failed);
}

/** Turns anything thrown into an error that may be shown; a fault of the page goes to the browser's log. */
export function displayError(problem) {
  if (problem instanceof RequestError) return problem;
  console.error(problem);
  return new RequestError({ code: "page_failed" });
}
