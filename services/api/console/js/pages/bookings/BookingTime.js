// The fields for the date and the time of a booking, in the organization's time zone.

import { Select, TextField } from "../../components/Field.js";
import { formatDateTime, timeZone } from "../../formats.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import { browserZone, clockJump, momentsOf, wallClockOf } from "../../zoned_time.js";
import "../../words/bookings.js";

const MIN_DATE = "2000-01-01";
const MAX_DATE = "2100-12-31";

/** The values of the fields for a time; none: empty. `turn`: which of two moments, when the clocks show the time twice. */
export function timeValues(startsAt) {
  if (!startsAt) return { date: "", time: "", turn: "0" };
  const wall = wallClockOf(startsAt, timeZone.value);
  const turn = momentsOf(wall.date, wall.time, timeZone.value).indexOf(Math.floor(Date.parse(startsAt) / 60_000) * 60_000);
  return { ...wall, turn: String(Math.max(turn, 0)) };
}

/** {date, time}: why they cannot be used; empty texts: they can. */
export function timeProblems({ date, time }, isRequired) {
  if (!date && !time && !isRequired) return {};
  if (!date) return { date: t("bookings.dateMissing") };
  if (date < MIN_DATE || date > MAX_DATE) return { date: t("bookings.dateOutOfRange") };
  if (!time) return { time: t("bookings.timeMissing") };
  if (momentsOf(date, time, timeZone.value).length) return {};
  return { time: t("bookings.timeDoesNotExist", { time, ...clockJump(date, time, timeZone.value) }) };
}

/** ISO text; null: the fields are empty. */
export function startsAtOf({ date, time, turn }) {
  const moments = date && time ? momentsOf(date, time, timeZone.value) : [];
  return moments.length ? new Date(moments[Number(turn)] ?? moments[0]).toISOString() : null;
}

function timeHint(values) {
  const startsAt = startsAtOf(values);
  const zone = t("bookings.zone", { zone: (timeZone.value ?? browserZone()).replaceAll("_", " ") });
  return startsAt && Date.parse(startsAt) < Date.now() ? `${t("bookings.inThePast", { time: formatDateTime(startsAt) })} ${zone}` : zone;
}

/** `values`, `set(name, value)`, `errors`: of useForm(), with the fields of timeValues(). */
export function BookingTime({ values, set, errors }) {
  const moments = values.date && values.time ? momentsOf(values.date, values.time, timeZone.value) : [];
  const turns = [t("bookings.firstTime"), t("bookings.secondTime")].map((label, at) => ({ value: String(at), label }));
  return html`
    <div class="booking-time-fields">
      <${TextField} label=${t("bookings.date")} type="date" id="booking-date" min=${MIN_DATE} max=${MAX_DATE} value=${values.date} onInput=${(value) => set("date", value)} error=${errors.date} />
      <${TextField} label=${t("bookings.time")} type="time" id="booking-time" value=${values.time} onInput=${(value) => set("time", value)} error=${errors.time} />
      <p class="hint">${timeHint(values)}</p>
      ${moments.length > 1 && html`<${Select} label=${t("bookings.whichTime", { time: values.time })} options=${turns} value=${values.turn} onChange=${(value) => set("turn", value)} />`}
    </div>
  `;
}
