// Dialogs of an account: add, link with a code, rename, booking rules, test message.

import { Button } from "../../components/Button.js";
import { Dialog } from "../../components/Dialog.js";
import { Checkbox, TextArea, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { html } from "../../rendering.js";
import { navigate } from "../../router.js";
import { organization } from "../../store/profile.js";
import { BookingRules, bookingRulesOf, hasHours, hasKeywords, linesOf } from "../settings/BookingRules.js";
import { changeInstance, createInstance, startPairing } from "./account_actions.js";
import { pathOf, requestCode } from "./linking.js";
import "../../words/settings.js";
import "../../words/accounts.js";

const MAX_NAME_CHARACTERS = 80;

/** A dialog with one form. `form`: of useForm() */
function FormDialog({ title, text = null, action, form, onClose, children }) {
  return html`
    <${Dialog} title=${title} onClose=${() => onClose(false)}>
      <form class="form" novalidate onSubmit=${form.onSubmit}>
        ${text && html`<p class="muted">${text}</p>`}
        ${children}
        <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
        <div class="actions"><${Button} onClick=${() => onClose(false)}>${t("common.cancel")}</${Button}><${Button} variant="primary" type="submit" busy=${form.isBusy}>${action}</${Button}></div>
      </form>
    </${Dialog}>
  `;
}

const required = (name) => (values) => ({ [name]: values[name].trim() ? null : t("common.required") });

function NameField({ form, placeholder = null }) {
  return html`<${TextField} label=${t("accounts.name")} name="instance_name" required maxlength=${MAX_NAME_CHARACTERS} autocomplete="off" placeholder=${placeholder} value=${form.values.instance_name} error=${form.errors.instance_name} onInput=${(value) => form.set("instance_name", value)} />`;
}

export function AddDialog({ onClose }) {
  const form = useForm({ instance_name: "" }, async (values) => {
    const instance = await createInstance({ instance_name: values.instance_name.trim(), network: "whatsapp" });
    navigate("settings", "numbers");
    await startPairing(instance, "qr");
    onClose(true);
  }, required("instance_name"));
  return html`<${FormDialog} title=${t("accounts.add")} text=${t("accounts.addText")} action=${t("accounts.continue")} form=${form} onClose=${onClose}><${NameField} form=${form} placeholder=${t("accounts.namePlaceholder")} /></${FormDialog}>`;
}

export function CodeDialog({ instance, onClose }) {
  const form = useForm({ phone_number: instance.phone_number ? `+${instance.phone_number}` : "" }, async (values) => {
    await requestCode(instance, { method: "code", phoneNumber: values.phone_number.trim() });
    onClose(true);
  }, required("phone_number"));
  // the server names this field only by its code
  const error = form.errors.phone_number ?? (form.problem?.code === "invalid_phone" ? form.problem.message : null);
  return html`
    <${FormDialog} title=${t("accounts.linkWithCode")} text=${t("accounts.linkWithCodeText")} action=${t("accounts.getCode")} form=${form} onClose=${onClose}>
      <${TextField} label=${t("accounts.phoneNumber")} name="phone_number" type="tel" required autocomplete="tel" placeholder="+49 176 1234567" hint=${t("accounts.withCountryCode")} value=${form.values.phone_number} error=${error} onInput=${(value) => form.set("phone_number", value)} />
    </${FormDialog}>
  `;
}

export function RenameDialog({ instance, onClose }) {
  const form = useForm({ instance_name: instance.instance_name }, async (values) => {
    await changeInstance(instance, { instance_name: values.instance_name.trim() });
    onClose(true);
  }, required("instance_name"));
  return html`<${FormDialog} title=${t("accounts.renameTitle")} action=${t("common.save")} form=${form} onClose=${onClose}><${NameField} form=${form} /></${FormDialog}>`;
}

/** What opens a booking at this number, and its hours: the organization's, or its own. */
export function RulesDialog({ instance, onClose }) {
  const own = instance.settings ?? {};
  const general = organization.value?.settings ?? {};
  const isOwn = Object.values(own).some((value) => value !== null && value !== undefined);
  const start = bookingRulesOf({ ...general, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null)) });
  const form = useForm({ isOwn, ...start, booking_policy: start.booking_policy ?? "one_open" }, async (values) => {
    const settings = values.isOwn
      ? { booking_policy: values.booking_policy, booking_keywords: linesOf(values.booking_keywords), opening_hours: values.opening_hours, bookings_without_words: values.bookings_without_words }
      : { booking_policy: null, booking_keywords: null, opening_hours: null, bookings_without_words: null };
    await changeInstance(instance, { settings });
    toast(t("common.saved"));
    onClose(true);
  }, (values) => (values.isOwn ? { booking_keywords: hasKeywords(values) ? null : t("settings.keywordsNeeded"), opening_hours: hasHours(values) ? null : t("settings.hoursNeeded") } : {}));
  const zone = general.time_zone ?? general.opening_hours?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return html`
    <${FormDialog} title=${t("accounts.rulesTitle", { name: instance.instance_name })} action=${t("common.save")} form=${form} onClose=${onClose}>
      <${Checkbox} label=${t("accounts.ownRules")} name="own_rules" hint=${t("accounts.ownRulesHint")} checked=${form.values.isOwn} onChange=${(value) => form.set("isOwn", value)} />
      ${form.values.isOwn && html`<${BookingRules} form=${form} zone=${zone} />`}
    </${FormDialog}>
  `;
}

/** Sends one message through the account, to see that it works. */
export function TestMessageDialog({ instance, onClose }) {
  const form = useForm({ to: "", message: t("accounts.testText"), key: crypto.randomUUID?.() ?? String(Math.random()) }, async ({ to, message, key }) => {
    await post(pathOf(instance, "/send"), { to: to.trim(), message }, { headers: { "Idempotency-Key": key } });
    toast(t("accounts.testSent"));
    onClose(true);
  }, (values) => ({ to: values.to.trim() ? null : t("common.required"), message: values.message.trim() ? null : t("common.required") }));
  return html`
    <${FormDialog} title=${t("accounts.testTitle")} text=${t("accounts.testHint")} action=${t("accounts.send")} form=${form} onClose=${onClose}>
      <${TextField} label=${t("accounts.testTo")} name="to" type="tel" autocomplete="tel" placeholder="+49 176 1234567" hint=${t("accounts.withCountryCode")} value=${form.values.to} error=${form.errors.to} onInput=${(value) => form.set("to", value)} />
      <${TextArea} label=${t("accounts.testMessage")} name="message" maxlength="1000" value=${form.values.message} error=${form.errors.message} onInput=${(value) => form.set("message", value)} />
    </${FormDialog}>
  `;
}
