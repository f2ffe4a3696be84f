// Messages written here: sent at once, stored until the server confirms them, retried or discarded.

import { removeUnsent, saveUnsent, unsentOf } from "../../store/drafts.js";
import { sendMessage } from "../../network/socket.js";
import { NOT_ACCEPTED } from "../../store/order_keys.js";
import { displayError } from "../../network/errors.js";
import { store } from "../../store/store.js";

const unsentMessage = (id, rest) => ({ id, client_id: id, kind: "message", type: "text", direction: "outbound", order_key: NOT_ACCEPTED, ...rest });

/** `messages`, `merge`: of loadedMessages(); `changed({stick})` redraws. → {send, retry, discard} */
export function unsentMessages(conversationId, { messages, merge }, changed) {
  for (const message of unsentOf(conversationId)) {
    messages.set(message.id, { ...message, ...unsentMessage(message.id, { status: "failed", problem: "This message was not sent yet.", retryable: true }) });
  }

  function send(text) {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    deliver(unsentMessage(id, { text, timestamp: new Date().toISOString(), status: "sending" }));
  }

  /** An unsent message is sent under its own id, so at most once; one that WhatsApp rejected becomes a new message. */
  function retry(message) {
    if (message.problem) deliver({ ...message, status: "sending", problem: null, error: null });
    else send(message.text);
  }

  function discard(message) {
    messages.delete(message.id);
    removeUnsent(message.id);
    changed();
  }

  async function deliver(message) {
    messages.set(message.id, message);
    saveUnsent(conversationId, message);
    changed({ stick: true });
    const conversation = store.conversations.get(conversationId);
    const person = store.contacts.get(conversation?.contact_id) ?? conversation?.contact;
    try {
      const to = person?.phone_number ?? (person?.lid ? `${person.lid}@lid` : undefined);
      const sent = await sendMessage({ conversationId, to, instanceId: conversation?.instance_id, message: message.text, clientId: message.client_id });
      const isRecorded = messages.has(sent.messageId);
      merge({ ...(isRecorded ? {} : message), id: sent.messageId ?? message.id, client_id: message.client_id, status: sent.status ?? "queued" });
    } catch (problem) {
      const current = messages.get(message.id);
      if (!current) return;
      Object.assign(current, { status: "failed", problem: displayError(problem).message, retryable: problem.retryable !== false });
    }
    changed();
  }

  return { send, retry, discard };
}
