// The bookings of a person, newest first.

import { Button } from "../../components/Button.js";
import { ListEnd } from "../../components/ListEnd.js";
import { t } from "../../language.js";
import { can } from "../../network/session.js";
import { html, useEffect, useLayoutEffect } from "../../rendering.js";
import { usePagedList } from "../../store/signals.js";
import { on } from "../../store/store.js";
import "../../words/people_page.js";
import { newestBookingFirst } from "../bookings/booking_order.js";
import { BookingLine } from "../bookings/BookingLine.js";
import { openNewBooking } from "../bookings/NewBookingDialog.js";

const PAGE_SIZE = 10;

/** `contact`: whose bookings; `heading`: the element of the heading. */
export function PersonBookings({ contact, heading: Heading = "h3" }) {
  const list = usePagedList({ name: "bookings", path: "/api/bookings", order: newestBookingFirst, page: PAGE_SIZE });
  useLayoutEffect(() => { list.ask({ contact_id: contact.id }, (booking) => booking.contact_id === contact.id); }, [contact.id]);
  useEffect(() => on("merged", list.reload), []);
  const bookings = list.records();
  return html`
    <section class="person-section" aria-label=${t("people.bookings")}>
      <header><${Heading}>${t("people.bookings")}</${Heading}>${can("manage") && html`<${Button} size="small" icon="plus" onClick=${() => openNewBooking(contact)}>${t("people.newBooking")}</${Button}>`}</header>
      ${bookings.length > 0 && html`<ul class="lines-list">${bookings.map((booking) => html`<li key=${booking.id}><${BookingLine} booking=${booking} /></li>`)}</ul>`}
      <${ListEnd} list=${list} empty=${html`<p class="muted">${t("people.noBookings")}</p>`} />
      ${list.state() === "ready" && !list.isComplete() && html`<${Button} size="small" onClick=${() => list.more()}>${t("people.moreBookings")}</${Button}>`}
    </section>
  `;
}
