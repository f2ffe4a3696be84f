// A row of the list of bookings.

import { Avatar } from "../../components/Avatar.js";
import { Icon } from "../../components/Icon.js";
import { Time } from "../../components/Time.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { formatPhone } from "../../phone_format.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";
import { BookingActions } from "./BookingActions.js";
import { BookingStatus } from "./BookingStatus.js";

/** `conversationId`: where the name leads; null: to the person. `problem`: text; `isBusy`: a decision runs; `decide(action)`. */
export function BookingRow({ booking, person, conversationId, problem, isBusy, decide }) {
  const name = personName(person);
  const number = person?.name ? formatPhone(person.phone_number) : "";
  const to = conversationId ? href("inbox", conversationId) : href("people", booking.contact_id);
  return html`
    <article class="row booking-row" data-id=${booking.id} data-key=${`row ${booking.id}`} aria-label=${t("bookings.bookingOf", { name })}>
      <${Avatar} name=${name} contactId=${booking.contact_id} />
      <div class="main">
        <p class="name"><a class="stranger" dir="auto" href=${to} data-key=${`${booking.id}-open`} title=${t(conversationId ? "bookings.openConversation" : "bookings.openPerson")}>${name}</a><${BookingStatus} status=${booking.status} /></p>
        ${booking.starts_at && html`<p class="booking-time"><${Icon} name="calendar" /><${Time} at=${booking.starts_at} format="dateTime" /></p>`}
        <p class="quote" dir="auto">${booking.text ? `“${booking.text}”` : t("bookings.withoutText")}</p>
        <p class="muted small">${number && html`<span>${number}</span> · `}<${Time} at=${booking.created_at} /></p>
      </div>
      <div class="side"><${BookingActions} booking=${booking} name=${name} decide=${decide} isBusy=${isBusy} withDetails /></div>
      ${problem && html`<p class="error" role="alert">${problem}</p>`}
    </article>
  `;
}
