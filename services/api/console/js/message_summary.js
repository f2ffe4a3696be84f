// One line about a message: its text, or what kind it is.

import { hasWords, t } from "./language.js";
import "./words/messages.js";

export function summary(message) {
  if (message.revoked_at) return t("message.deleted");
  if (message.text) return message.text;
  if (message.type === "text") return "";
  const key = `message.kind.${message.type}`;
  return hasWords(key) ? t(key) : t("message.kindOther", { kind: message.type });
}

/** The same with who wrote it, for lists. */
export const summaryWithAuthor = (message) => (message.direction === "outbound" ? t("message.byUs", { text: summary(message) }) : summary(message));
