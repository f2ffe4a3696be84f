// Messages by id and in their order; a change moves one message and sorts nothing.

import { byOrder, NOT_ACCEPTED, orderKey } from "./order_keys.js";

export const isAccepted = (message) => orderKey(message) !== NOT_ACCEPTED;

/** Messages are never changed in place: a changed message is another object. */
export function sortedMessages() {
  const byId = new Map();
  /** Oldest first; messages that the server has not accepted are the last, in the order in which they were added. */
  const ordered = [];

  /** The index behind all messages that do not come after this one. */
  function position(message) {
    let low = 0;
    let high = ordered.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byOrder(ordered[middle], message) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const placeOf = (message) => {
    const guess = position(message) - 1;
    return ordered[guess] === message ? guess : ordered.lastIndexOf(message);
  };

  function put(message) {
    const before = byId.get(message.id);
    byId.set(message.id, message);
    if (before && byOrder(before, message) === 0) {
      ordered[placeOf(before)] = message;
      return;
    }
    if (before) ordered.splice(placeOf(before), 1);
    ordered.splice(position(message), 0, message);
  }

  function remove(id) {
    const before = byId.get(id);
    if (!before) return;
    ordered.splice(placeOf(before), 1);
    byId.delete(id);
  }

  /** The number of accepted messages, which are the first. */
  function acceptedCount() {
    let count = ordered.length;
    while (count && !isAccepted(ordered[count - 1])) count -= 1;
    return count;
  }

  /** Removes `count` messages from this index on. */
  function removeRange(first, count) {
    for (const { id } of ordered.splice(first, count)) byId.delete(id);
  }

  return {
    put, remove, removeRange, acceptedCount,
    get: (id) => byId.get(id),
    has: (id) => byId.has(id),
    ids: () => new Set(byId.keys()),
    /** All of them, or only those that the server has accepted. */
    list: ({ acceptedOnly = false } = {}) => (acceptedOnly ? ordered.slice(0, acceptedCount()) : ordered),
  };
}
