// Messages that are written here: sent at once, kept until the server has them, tried again or discarded.

import { dropUnsent, keepUnsent, unsentOf } from "./drafts.js";
import { sendMessage } from "./socket.js";
import { NOT_ACCEPTED } from "./order_keys.js";
import { forPeople } from "./errors.js";
import { known } from "./store.js";

const line = (id, rest) => ({ id, client_id: id, kind: "message", type: "text", direction: "outbound", order_key: NOT_ACCEPTED, ...rest });

/** `messages`, `merge`: of the loaded part; `changed({stick})`: to be drawn. → {send, retry, discard} */
export function outgoing(conversation, { messages, merge }, changed) {
  for (const message of unsentOf(conversation)) {
    messages.set(message.id, { ...message, ...line(message.id, { status: "failed", problem: "This message was not sent yet.", retryable: true }) });
  }

  function send(text) {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    deliver(line(id, { text, timestamp: new Date().toISOString(), status: "sending" }));
  }

  /** What never left is sent again under its own id, once at most; what WhatsApp refused becomes a new message. */
  function retry(message) {
    if (message.problem) deliver({ ...message, status: "sending", problem: null, error: null });
    else send(message.text);
  }

  function discard(message) {
    messages.delete(message.id);
    dropUnsent(message.id);
    changed();
  }

  async function deliver(message) {
    messages.set(message.id, message);
    keepUnsent(conversation, message);
    changed({ stick: true });
    const talk = known.conversations.get(conversation);
    const person = known.contacts.get(talk?.contact_id) ?? talk?.contact;
    try {
      const to = person?.phone_number ?? (person?.lid ? `${person.lid}@lid` : undefined);
      const sent = await sendMessage({ conversationId: conversation, to, instanceId: talk?.instance_id, message: message.text, clientId: message.client_id });
      const arrivedBefore = messages.has(sent.messageId);
      merge({ ...(arrivedBefore ? {} : message), id: sent.messageId ?? message.id, client_id: message.client_id, status: sent.status ?? "queued" });
    } catch (problem) {
      const now = messages.get(message.id);
      if (!now) return;
      Object.assign(now, { status: "failed", problem: forPeople(problem).message, retryable: problem.retryable !== false });
    }
    changed();
  }

  return { send, retry, discard };
}
