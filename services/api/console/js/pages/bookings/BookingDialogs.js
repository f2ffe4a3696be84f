// Dialogs that change a booking: its time, and decisions that are final.

import { Button } from "../../components/Button.js";
import { Dialog, openDialog } from "../../components/Dialog.js";
import { TextArea } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import { decideBooking, rescheduleBooking } from "./booking_changes.js";
import { BookingTime, startsAtOf, timeProblems, timeValues } from "./BookingTime.js";

const MAX_NOTE_CHARACTERS = 1000;

export function NoteField({ values, set, errors }) {
  return html`<${TextArea} label=${t("bookings.note")} hint=${t("bookings.noteHint")} id="booking-note" rows=${2} maxlength=${MAX_NOTE_CHARACTERS} value=${values.note} onInput=${(value) => set("note", value)} error=${errors.note} />`;
}

function ChangeForm({ title, text = null, action, danger = false, form, close, children = null }) {
  return html`
    <${Dialog} title=${title} onClose=${() => close(false)}>
      <form onSubmit=${form.onSubmit} novalidate>
        ${text && html`<p class="muted">${text}</p>`}
        ${children}
        <${NoteField} ...${form} />
        <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
        <div class="actions">
          <${Button} onClick=${() => close(false)}>${t("common.back")}</${Button}>
          <${Button} variant=${danger ? "danger" : "primary"} type="submit" busy=${form.isBusy}>${action}</${Button}>
        </div>
      </form>
    </${Dialog}>
  `;
}

function RescheduleDialog({ booking, name, close }) {
  const initial = { ...timeValues(booking.starts_at), note: "" };
  const form = useForm(initial, async (values) => {
    await rescheduleBooking(booking.id, startsAtOf(values), values.note);
    toast(t("bookings.rescheduled"));
    close(true);
  }, (values) => timeProblems(values, true));
  return html`
    <${ChangeForm} title=${t(booking.starts_at ? "bookings.rescheduleTitle" : "bookings.setTimeTitle", { name })} action=${t("common.save")} form=${form} close=${close}>
      <${BookingTime} ...${form} />
    </${ChangeForm}>
  `;
}

const FINAL = {
  cancel: () => [t("bookings.cancelTitle"), t("bookings.cancelText"), t("bookings.action.cancel")],
  "no-show": () => [t("bookings.noShowTitle"), t("bookings.noShowText"), t("bookings.action.no-show")],
};

function FinalDialog({ booking, name, decision, close }) {
  const [title, text, action] = FINAL[decision]();
  const form = useForm({ note: "" }, async ({ note }) => {
    await decideBooking(booking.id, decision, note);
    close(true);
  });
  return html`<${ChangeForm} title=${`${title} · ${name}`} text=${text} action=${action} danger form=${form} close=${close} />`;
}

/** `name`: of the person. */
export const openReschedule = (booking, name) => openDialog((close) => html`<${RescheduleDialog} booking=${booking} name=${name} close=${close} />`);

/** `decision`: "cancel" or "no-show", which cannot be taken back. */
export const openFinalDecision = (booking, decision, name) => openDialog((close) => html`<${FinalDialog} booking=${booking} decision=${decision} name=${name} close=${close} />`);
