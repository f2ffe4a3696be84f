// The server's order of bookings.

/** A comparator: the booking that was made last is the first. */
export function newestBookingFirst(one, other) {
  const between = Date.parse(other.created_at) - Date.parse(one.created_at);
  return between || (one.id < other.id ? 1 : one.id > other.id ? -1 : 0);
}
