// The status of a booking in words.

import { Badge } from "../../components/Badge.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import "../../words/bookings.js";

const TONES = { pending: "waiting", confirmed: "calendar", completed: "ok", no_show: "bad", cancelled: null };

export const BOOKING_STATUSES = Object.keys(TONES);
export const isOpenBooking = (booking) => booking.status === "pending" || booking.status === "confirmed";

/** A status of a newer server is shown as it is named. */
export const statusWord = (status) => (Object.hasOwn(TONES, status) ? t(`bookings.status.${status}`) : status);

export const BookingStatus = ({ status }) => html`<${Badge} tone=${TONES[status] ?? null}>${statusWord(status)}</${Badge}>`;
