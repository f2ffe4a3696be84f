// Makes a booking for a person.

import { Button } from "../../components/Button.js";
import { Dialog, openDialog } from "../../components/Dialog.js";
import { Select, TextArea } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { toast } from "../../components/Toast.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { html, useRef } from "../../rendering.js";
import { href } from "../../router.js";
import { instances } from "../../store/signals.js";
import "../../words/bookings.js";
import { PersonPicker } from "../people/PersonPicker.js";
import { createBooking } from "./booking_changes.js";
import { NoteField } from "./BookingDialogs.js";
import { BookingTime, startsAtOf, timeProblems, timeValues } from "./BookingTime.js";

const MAX_TEXT_CHARACTERS = 4096;

/** What the API takes; empty fields are left out. */
function fieldsOf({ person, account, text, note, ...time }) {
  const fields = { contact_id: person.id, instance_id: account, text: text.trim(), starts_at: startsAtOf(time), note: note.trim() };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}

/** A key for each booking that is asked for: the same again after a failure, another one when something was changed. */
function useRequestKey() {
  const last = useRef({ fields: null, key: null });
  return (fields) => {
    const asked = JSON.stringify(fields);
    if (last.current.fields !== asked) last.current = { fields: asked, key: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}` };
    return last.current.key;
  };
}

function NewBookingDialog({ person, close }) {
  const keyOf = useRequestKey();
  const initial = { person, account: "", text: "", note: "", ...timeValues(null) };
  const form = useForm(initial, async (values) => {
    const fields = fieldsOf(values);
    await createBooking(fields, values.person, keyOf(fields));
    toast(t("bookings.made", { name: personName(values.person) }));
    close(true);
  }, (values) => ({ person: values.person ? null : t("people.choosePerson"), ...timeProblems(values, false) }));
  const { values, set, errors, problem, isBusy, onSubmit } = form;
  const accounts = [{ value: "", label: t("bookings.accountOfConversation") }, ...instances.value.map((instance) => ({ value: instance.id, label: instance.instance_name }))];
  const openBookingId = problem?.code === "booking_open" ? problem.details?.booking_id : null;
  return html`
    <${Dialog} title=${t("bookings.new")} onClose=${() => close(false)}>
      <form onSubmit=${onSubmit} novalidate>
        <${PersonPicker} label=${t("bookings.person")} value=${values.person} onSelect=${(value) => set("person", value)} error=${errors.person} />
        ${accounts.length > 2 && html`<${Select} label=${t("bookings.account")} options=${accounts} value=${values.account} onChange=${(value) => set("account", value)} />`}
        <${BookingTime} ...${form} />
        <${TextArea} label=${t("bookings.text")} id="booking-text" rows=${2} maxlength=${MAX_TEXT_CHARACTERS} value=${values.text} onInput=${(value) => set("text", value)} error=${errors.text} />
        <${NoteField} ...${form} />
        <p class="error box" role="alert">${problem?.message ?? ""}</p>
        ${openBookingId && html`<a class="link" href=${href("bookings", openBookingId)} onClick=${() => close(false)}>${t("bookings.showOpen")}</a>`}
        <div class="actions">
          <${Button} onClick=${() => close(false)}>${t("common.cancel")}</${Button}>
          <${Button} variant="primary" type="submit" busy=${isBusy}>${t("bookings.make")}</${Button}>
        </div>
      </form>
    </${Dialog}>
  `;
}

/** `person`: a contact that is chosen already. → a promise of whether one was made */
export const openNewBooking = (person = null) => openDialog((close) => html`<${NewBookingDialog} person=${person} close=${close} />`).then(Boolean);
