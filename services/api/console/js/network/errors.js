// Texts of errors for the user, in the tables of words/errors_*.js. The API's `detail` is for programmers and never shown.

import { hasWords, t } from "../language.js";
import "../words/errors_messages.js";
import "../words/errors_reasons.js";
import "../words/errors_server.js";

/** For errors without a known code: the least HTTP status of each text. */
const STATUSES = [500, 429, 413, 409, 404, 403, 401, 400, 0];
const NEEDS_OPERATOR = new Set(["internal_error", "http_error"]);

/** "Try again in 12 seconds." */
export function retryHint(seconds) {
  if (!(seconds > 0)) return t("errorHints.soon");
  const whole = Math.ceil(seconds);
  if (whole < 100) return t("errorHints.seconds", { n: whole });
  const minutes = Math.ceil(whole / 60);
  return minutes < 100 ? t("errorHints.minutes", { n: minutes }) : t("errorHints.hours", { n: Math.ceil(minutes / 60) });
}

/** What to tell the operator, who finds the request by its id in the log. */
function reportHint(requestId) {
  const usable = /^[\w.:-]{1,80}$/.test(requestId ?? "");
  return usable ? t("errorHints.reportId", { id: requestId }) : t("errorHints.report");
}

/** The key of the sentence of a code; null: there is none. */
function keyOf(code) {
  const found = [`errors.${code}`, `reasons.${code}`, `sendFailures.${code}`].find(hasWords);
  return found ?? (/^message_./.test(code) ? "errors.message_failed" : null);
}

export const hasText = (code) => keyOf(code) !== null;

/** What happened and what to do. `code`: of docs/errors.md; `retryAfter`: seconds. */
export function errorText({ code, status = 0, retryAfter, requestId }) {
  const key = keyOf(code);
  const hint = retryHint(retryAfter);
  if (key && !NEEDS_OPERATOR.has(code)) {
    const sentence = t(key, { again: hint });
    return retryAfter > 0 && !sentence.includes(hint) ? `${sentence} ${hint}` : sentence;
  }
  const text = key ? t(key) : t(`errorStatus.${STATUSES.find((least) => status >= least)}`);
  return [text, status === 429 || status >= 500 ? hint : "", reportHint(requestId)].filter(Boolean).join(" ");
}

/** Why an account is not connected; null without a reason. */
export function reasonText(reason) {
  if (!reason) return null;
  return hasWords(`reasons.${reason}`) ? t(`reasons.${reason}`) : t("reasons.other");
}

/** Why a message was not sent; `error` of its record is `<code>: <detail>`. */
export function sendFailureText(error) {
  const code = /^[a-z_]+(?=:|$)/.exec(error ?? "")?.[0];
  return hasWords(`sendFailures.${code}`) ? t(`sendFailures.${code}`) : t("sendFailures.other");
}

/** Why the value of a form field was rejected. */
export function fieldText({ field, code }) {
  const name = String(field).split(".").at(-1);
  if (code === "missing") return t("fieldCodes.missing");
  if (hasWords(`fields.${name}`)) return t(`fields.${name}`);
  return hasWords(`fieldCodes.${code}`) ? t(`fieldCodes.${code}`) : t("fieldCodes.other");
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
  return Object.assign(new RequestError({ code, status: 400, retryAfter, retryable }, failed), { reason: answer.reason ?? null });
}

/** Turns anything thrown into an error that may be shown; a fault of the page goes to the browser's log. */
export function displayError(problem) {
  if (problem instanceof RequestError) return problem;
  console.error(problem);
  return new RequestError({ code: "page_failed" });
}
