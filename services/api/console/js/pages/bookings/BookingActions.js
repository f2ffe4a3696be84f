// What a user may do with a booking.

import { Button } from "../../components/Button.js";
import { Menu } from "../../components/Menu.js";
import { t } from "../../language.js";
import { can } from "../../network/session.js";
import { html } from "../../rendering.js";
import { navigate } from "../../router.js";
import { openFinalDecision, openReschedule } from "./BookingDialogs.js";
import { isOpenBooking } from "./BookingStatus.js";

const NEXT = { pending: "confirm", confirmed: "complete" };

function otherActions(booking, name, withDetails) {
  const details = { label: t("bookings.details"), icon: "clock", onSelect: () => navigate("bookings", booking.id) };
  if (!isOpenBooking(booking) || !can("manage")) return withDetails ? [details] : [];
  const actions = [
    { label: t(booking.starts_at ? "bookings.reschedule" : "bookings.setTime"), icon: "calendar", onSelect: () => openReschedule(booking, name) },
    ...(withDetails ? [details] : []),
    { label: t("bookings.action.cancel"), icon: "close", danger: true, onSelect: () => openFinalDecision(booking, "cancel", name) },
  ];
  if (booking.status === "confirmed") actions.splice(-1, 0, { label: t("bookings.action.no-show"), icon: "user", danger: true, onSelect: () => openFinalDecision(booking, "no-show", name) });
  return actions;
}

/** `decide(action)`: carries out "confirm" or "complete"; `isBusy`: it runs; `withDetails`: whether the menu leads to the details. */
export function BookingActions({ booking, name, decide, isBusy, withDetails = false }) {
  const next = can("manage") ? NEXT[booking.status] : null;
  const others = otherActions(booking, name, withDetails);
  return html`
    ${next && html`<${Button} variant="primary" size=${withDetails ? "small" : null} busy=${isBusy} data-key=${`${booking.id}-${next}`} onClick=${() => decide(next)}>${t(`bookings.action.${next}`)}</${Button}>`}
    ${others.length > 0 && html`<${Menu} label=${t("bookings.moreFor", { name })} items=${others} />`}
  `;
}
