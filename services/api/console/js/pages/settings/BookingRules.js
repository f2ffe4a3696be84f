// What opens a booking, and the opening hours: of the organization, or of one number.

import { Checkbox, Select, TextArea } from "../../components/Field.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import { HoursEditor } from "./HoursEditor.js";

export const POLICIES = ["off", "one_open", "every_message", "keywords", "opening_hours"];

/** The lines of a text area that are not empty. */
export const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** The values of the form. */
export const bookingRulesOf = (settings) => ({
  booking_policy: settings.booking_policy, booking_keywords: (settings.booking_keywords ?? []).join("\n"),
  opening_hours: settings.opening_hours ?? null, bookings_without_words: settings.bookings_without_words ?? false,
});

export const hasKeywords = (values) => values.booking_policy !== "keywords" || linesOf(values.booking_keywords).length > 0;
export const hasHours = (values) => values.booking_policy !== "opening_hours" || values.opening_hours !== null;

/** `form`: of useForm(bookingRulesOf(settings), …); `zone`: the time zone of new opening hours. */
export function BookingRules({ form, zone }) {
  const { values, errors, set } = form;
  return html`
    <${Select} label=${t("settings.policy")} name="booking_policy" options=${POLICIES.map((value) => ({ value, label: t(`settings.policy.${value}`) }))} value=${values.booking_policy} error=${errors.booking_policy} onChange=${(value) => set("booking_policy", value)} />
    ${values.booking_policy === "keywords" && html`
      <${TextArea} label=${t("settings.keywords")} name="booking_keywords" hint=${t("settings.keywordsHint")} value=${values.booking_keywords} error=${errors.booking_keywords} onInput=${(value) => set("booking_keywords", value)} />
    `}
    ${values.booking_policy !== "off" && html`
      <${Checkbox} label=${t("settings.withoutWords")} name="bookings_without_words" hint=${t("settings.withoutWordsHint")} checked=${values.bookings_without_words} onChange=${(value) => set("bookings_without_words", value)} />
    `}
    <${HoursEditor} hours=${values.opening_hours} zone=${zone} error=${errors.opening_hours} onChange=${(value) => set("opening_hours", value)} />
  `;
}
