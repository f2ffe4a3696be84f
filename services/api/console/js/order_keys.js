// The order of messages and conversations: by the key the server gave each. WhatsApp's times are whole seconds of other clocks.

/** Of a message that the server has not accepted yet: it stands at the end. */
export const NOT_ACCEPTED = Number.MAX_SAFE_INTEGER;

/** Events of an earlier version of the server have no key; theirs is made of the time, as the server does for its records. */
export const orderKey = (record) => record?.order_key ?? 1000 * (Date.parse(record?.updated_at ?? record?.timestamp) || 0);

/** For sort(): the oldest first; the same order as the server's lists have. */
export function byOrder(one, other) {
  const between = orderKey(one) - orderKey(other);
  if (between || orderKey(one) === NOT_ACCEPTED) return between;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}
