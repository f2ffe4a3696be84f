// Changes of bookings.

import { get, post } from "../../network/rest.js";
import { put } from "../../store/store.js";

const path = (id, action = "") => `/api/bookings/${encodeURIComponent(id)}${action}`;

/** After these errors it is not known whether the change was made. */
const MAY_BE_DONE = new Set(["no_answer_yet", "answer_too_late", "unreachable"]);

async function readAgain(id) {
  const { data } = await get(path(id)).catch(() => ({}));
  if (data?.id) put("bookings", data);
}

async function change(id, action, body) {
  try {
    const answer = await post(path(id, action), body);
    const record = answer.data ?? answer.booking;
    if (record?.id) put("bookings", record);
  } catch (problem) {
    if (problem.code === "booking_status_conflict") await readAgain(id);
    else if (MAY_BE_DONE.has(problem.code)) readAgain(id); // nobody waits for it: the server may be down
    throw problem;
  }
}

const withNote = (note) => (note?.trim() ? { note: note.trim() } : {});

/** `action`: "confirm", "cancel", "complete" or "no-show". Throws ApiError 409 `booking_status_conflict`. */
export const decideBooking = (id, action, note) => change(id, `/${action}`, withNote(note));

/** `startsAt`: ISO text. */
export const rescheduleBooking = (id, startsAt, note) => change(id, "/reschedule", { starts_at: startsAt, ...withNote(note) });

/** `fields`: {contact_id, instance_id?, text?, starts_at?, note?}; `key`: the same for each try of one booking, so that it is made once. */
export async function createBooking(fields, contact, key) {
  const { data } = await post("/api/bookings", fields, { headers: { "Idempotency-Key": key } });
  put("bookings", { ...data, contact });
  return data;
}
