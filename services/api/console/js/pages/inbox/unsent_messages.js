// Messages written here: sent at once, stored until the server confirms them, retried or discarded.

import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { sendMessage } from "../../network/socket.js";
import { removeUnsent, saveUnsent, unsentOf } from "../../store/drafts.js";
import { NOT_ACCEPTED } from "../../store/order_keys.js";
import { publish, store } from "../../store/store.js";

const unsentMessage = (id, rest) => ({ id, client_id: id, kind: "message", type: "text", direction: "outbound", order_key: NOT_ACCEPTED, ...rest });

/** An id of a message of ours: the same id is sent at most once. */
export const newClientId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;

/** `loaded`: of loadedMessages(); `changed({stick})` draws. → {send, retry, discard} */
export function unsentMessages(conversationId, loaded, changed) {
  for (const message of unsentOf(conversationId)) {
    loaded.put({ ...message, ...unsentMessage(message.id, { status: "failed", problem: t("message.notSentYet"), retryable: true }) });
  }

  function send(text) {
    deliver(unsentMessage(newClientId(), { text, timestamp: new Date().toISOString(), status: "sending" }));
  }

  /** An unsent message is sent under its own id, so at most once; one that WhatsApp rejected becomes a new message. */
  function retry(message) {
    if (message.problem) deliver({ ...message, status: "sending", problem: null, error: null });
    else send(message.text);
  }

  function discard(message) {
    loaded.remove(message.id);
    removeUnsent(message.id);
    changed();
  }

  async function deliver(message) {
    loaded.put(message);
    saveUnsent(conversationId, message);
    changed({ stick: true });
    const conversation = store.conversations.get(conversationId);
    const person = store.contacts.get(conversation?.contact_id) ?? conversation?.contact;
    try {
      const to = person?.phone_number ?? (person?.lid ? `${person.lid}@lid` : undefined);
      const sent = await sendMessage({ conversationId, to, instanceId: conversation?.instance_id, message: message.text, clientId: message.client_id });
      const isRecorded = loaded.has(sent.messageId);
      loaded.merge({ ...(isRecorded ? {} : message), id: sent.messageId ?? message.id, client_id: message.client_id, status: sent.status ?? "queued" });
    } catch (problem) {
      const current = loaded.get(message.id);
      if (!current) return;
      loaded.put({ ...current, status: "failed", problem: displayError(problem).message, retryable: problem.retryable !== false });
      publish("drafts");
    }
    changed();
  }

  return { send, retry, discard };
}
