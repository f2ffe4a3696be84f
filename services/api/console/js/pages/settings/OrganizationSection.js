// The organization: name, time zone, what opens a booking, opening hours, owners.

import { Button } from "../../components/Button.js";
import { Checkbox, Select, TextArea, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { Card, PageHeader } from "../../components/layout.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { get, patch } from "../../network/rest.js";
import { html } from "../../rendering.js";
import { organization, takeOrganization } from "../../store/profile.js";
import { BookingRules, bookingRulesOf, hasKeywords, hasHours, linesOf } from "./BookingRules.js";
import { useLoaded } from "./useLoaded.js";

const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const zones = () => [...new Set([ownZone(), ...(Intl.supportedValuesOf?.("timeZone") ?? [])])].filter(Boolean).sort();

async function save(body) {
  const { data } = await patch("/api/organization", body);
  takeOrganization(data);
  toast(t("common.saved"));
}

function GeneralForm({ record }) {
  const form = useForm({ name: record.name, time_zone: record.settings.time_zone ?? "" }, ({ name, time_zone: zone }) => save({ name: name.trim(), settings: { time_zone: zone || null } }),
    ({ name }) => ({ name: name.trim() ? null : t("common.required") }));
  const options = [{ value: "", label: t("settings.zoneOfHours") }, ...zones().map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") }))];
  return html`
    <form class="form" novalidate onSubmit=${form.onSubmit}>
      <${TextField} label=${t("settings.organizationName")} name="name" maxlength="80" value=${form.values.name} error=${form.errors.name} onInput=${(value) => form.set("name", value)} />
      <${Select} label=${t("settings.timeZone")} name="time_zone" hint=${t("settings.timeZoneHint")} options=${options} value=${form.values.time_zone} error=${form.errors.time_zone} onChange=${(value) => form.set("time_zone", value)} />
      <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
      <div class="actions start"><${Button} type="submit" busy=${form.isBusy}>${t("common.save")}</${Button}></div>
    </form>
  `;
}

function BookingForm({ settings }) {
  const form = useForm(bookingRulesOf(settings), (values) => save({ settings: {
    booking_policy: values.booking_policy, booking_keywords: linesOf(values.booking_keywords), opening_hours: values.opening_hours, bookings_without_words: values.bookings_without_words,
  } }), (values) => ({ booking_keywords: hasKeywords(values) ? null : t("settings.keywordsNeeded"), opening_hours: hasHours(values) ? null : t("settings.hoursNeeded") }));
  return html`
    <form class="form" novalidate onSubmit=${form.onSubmit}>
      <${BookingRules} form=${form} zone=${settings.time_zone ?? settings.opening_hours?.time_zone ?? ownZone()} />
      <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
      <div class="actions start"><${Button} type="submit" busy=${form.isBusy}>${t("common.save")}</${Button}></div>
    </form>
  `;
}

function OwnersForm({ settings }) {
  const form = useForm({ keep: settings.owner_messages === "note", owner_numbers: settings.owner_numbers.join("\n") }, ({ keep, owner_numbers: numbers }) => save({ settings: {
    owner_messages: keep ? "note" : "ignore", owner_numbers: linesOf(numbers),
  } }));
  return html`
    <form class="form" novalidate onSubmit=${form.onSubmit}>
      <${Checkbox} label=${t("settings.keepNotes")} name="owner_messages" hint=${t("settings.keepNotesHint")} checked=${form.values.keep} onChange=${(value) => form.set("keep", value)} />
      <${TextArea} label=${t("settings.ownerNumbers")} name="owner_numbers" hint=${t("settings.ownerNumbersHint")} value=${form.values.owner_numbers} error=${form.errors.owner_numbers} onInput=${(value) => form.set("owner_numbers", value)} />
      <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
      <div class="actions start"><${Button} type="submit" busy=${form.isBusy}>${t("common.save")}</${Button}></div>
    </form>
  `;
}

export function OrganizationSection() {
  const { data, problem, reload } = useLoaded(async () => {
    const answer = await get("/api/organization");
    takeOrganization(answer.data);
    return answer.data;
  });
  const record = data && (organization.value ?? data); // the newest version, also after a change here
  return html`
    <div class="page">
      <${PageHeader} title=${t("settings.organization")} />
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${!record && !problem && html`<${SkeletonRows} kind="card" count=${2} />`}
      ${record && html`
        <${Card} title=${t("settings.general")}><${GeneralForm} record=${record} /></${Card}>
        <${Card} title=${t("settings.bookings")}><${BookingForm} settings=${record.settings} /></${Card}>
        <${Card} title=${t("settings.owners")}><${OwnersForm} settings=${record.settings} /></${Card}>
      `}
    </div>
  `;
}
