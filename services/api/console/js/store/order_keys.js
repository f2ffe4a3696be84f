// Messages and conversations are ordered by the server's order keys, because WhatsApp's times are whole seconds of other clocks.

/** Order key of a message that the server has not accepted yet: it is the last. */
export const NOT_ACCEPTED = Number.MAX_SAFE_INTEGER;

/** Events of an earlier server version have no key; it is derived from the time, as the server does for old records. */
export const orderKey = (record) => record?.order_key ?? 1000 * (Date.parse(record?.updated_at ?? record?.timestamp) || 0);

/** A comparator, oldest first; the same order as in the server's lists. */
export function byOrder(one, other) {
  const between = orderKey(one) - orderKey(other);
  if (between || orderKey(one) === NOT_ACCEPTED) return between;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}
