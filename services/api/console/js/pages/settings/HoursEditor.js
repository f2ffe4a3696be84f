// Opening hours: spans of time for each day of the week.

import { Button, IconButton } from "../../components/Button.js";
import { Switch } from "../../components/Field.js";
import { locale, t } from "../../language.js";
import { html } from "../../rendering.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NEW_SPAN = ["09:00", "18:00"];
const LATER_SPAN = ["14:00", "18:00"];
const MAX_SPANS = 6;
const A_MONDAY = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;

const dayName = (at) => new Intl.DateTimeFormat(locale.value, { weekday: "long", timeZone: "UTC" }).format(A_MONDAY + at * DAY_MS);

function TimeInput({ label, value, onChange }) {
  return html`<input class="input time" type="time" aria-label=${label} value=${value === "24:00" ? "23:59" : value} required onChange=${(event) => event.currentTarget.value && onChange(event.currentTarget.value === "23:59" ? "24:00" : event.currentTarget.value)} />`;
}

function Day({ name, spans, onChange }) {
  const replace = (at, span) => onChange(spans.map((each, index) => (index === at ? span : each)));
  return html`
    <div class="hours-day" role="group" aria-label=${name}>
      <span class="hours-name">${name}</span>
      <div class="hours-spans">
        ${spans.length === 0 && html`<span class="muted">${t("settings.closedDay")}</span>`}
        ${spans.map(([from, until], at) => html`
          <span class="hours-span" key=${at}>
            <${TimeInput} label=${t("settings.openFrom", { day: name })} value=${from} onChange=${(value) => replace(at, [value, until])} />
            <span aria-hidden="true">–</span>
            <${TimeInput} label=${t("settings.openUntil", { day: name })} value=${until} onChange=${(value) => replace(at, [from, value])} />
            <${IconButton} icon="close" label=${t("settings.removeSpan", { from, until })} onClick=${() => onChange(spans.filter((_, index) => index !== at))} />
          </span>
        `)}
      </div>
      ${spans.length < MAX_SPANS && html`<${IconButton} icon="plus" label=${t("settings.addSpan", { day: name })} onClick=${() => onChange([...spans, spans.length ? LATER_SPAN : NEW_SPAN])} />`}
    </div>
  `;
}

/** `hours`: {time_zone, weekly: {mon: [[from, until]]}}, or null: none; `zone`: the time zone of new ones. */
export function HoursEditor({ hours, zone, error, onChange }) {
  const weekly = hours?.weekly ?? {};
  const setDay = (day, spans) => onChange({ ...hours, weekly: { ...weekly, [day]: spans } });
  const standard = () => ({ time_zone: zone, weekly: Object.fromEntries(DAYS.slice(0, 5).map((day) => [day, [NEW_SPAN]])) });
  const copyMonday = () => onChange({ ...hours, weekly: Object.fromEntries(DAYS.map((day) => [day, weekly.mon ?? []])) });
  return html`
    <fieldset class="hours">
      <legend class="visually-hidden">${t("settings.openingHours")}</legend>
      <${Switch} label=${t("settings.openingHours")} name="opening_hours" hint=${hours ? t("settings.hoursZone", { zone: hours.time_zone }) : null} checked=${hours !== null} onChange=${(value) => onChange(value ? standard() : null)} />
      ${hours && DAYS.map((day, at) => html`<${Day} key=${day} name=${dayName(at)} spans=${weekly[day] ?? []} onChange=${(spans) => setDay(day, spans)} />`)}
      ${hours && html`<${Button} size="small" icon="copy" onClick=${copyMonday}>${t("settings.copyMonday")}</${Button}>`}
      <p class="error" role="alert">${error ?? ""}</p>
    </fieldset>
  `;
}
