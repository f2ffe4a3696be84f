// A booking in one line, which leads to its details.

import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";
import { BookingStatus } from "./BookingStatus.js";

export function BookingLine({ booking }) {
  return html`
    <a class="booking-line" href=${href("bookings", booking.id)} data-id=${booking.id}>
      <span class="booking-line-head"><strong>${booking.starts_at ? html`<${Time} at=${booking.starts_at} format="dateTime" />` : t("bookings.noTime")}</strong><${BookingStatus} status=${booking.status} /></span>
      <span class="muted small" dir="auto">${booking.text || t("bookings.withoutText")}</span>
    </a>
  `;
}
