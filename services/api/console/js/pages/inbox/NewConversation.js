// Writes to a number that has no conversation yet.

import { Button } from "../../components/Button.js";
import { Dialog, openDialog } from "../../components/Dialog.js";
import { Select, TextArea, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { toast } from "../../components/Toast.js";
import { language, t } from "../../language.js";
import { RequestError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { sendMessage } from "../../network/socket.js";
import { loadPhoneLibrary } from "../../phone_format.js";
import { html, useEffect, useMemo, useRef, useState } from "../../rendering.js";
import { navigate } from "../../router.js";
import { draftOf, saveDraft } from "../../store/drafts.js";
import { instances } from "../../store/signals.js";
import { MAX_CHARACTERS } from "./message_limits.js";
import { newClientId } from "./unsent_messages.js";

/** What is typed is kept like a draft until it was sent. */
const NUMBER_DRAFT = "new conversation: number";
const TEXT_DRAFT = "new conversation: text";

/** The country of the account's own number. */
const countryOf = (instance) => globalThis.libphonenumber?.parsePhoneNumberFromString(`+${instance?.phone_number ?? ""}`)?.country ?? "";

/** The digits with the country code; null: this is no number. */
function digitsOf(typed, country) {
  const parsed = globalThis.libphonenumber?.parsePhoneNumberFromString(typed, country || undefined);
  if (parsed) return parsed.isPossible() ? parsed.number.slice(1) : null;
  const digits = typed.replace(/[^\d]/g, "");
  return typed.trim().startsWith("+") && digits.length >= 7 ? digits : null;
}

function countryOptions() {
  const library = globalThis.libphonenumber;
  if (!library) return [];
  const names = new Intl.DisplayNames(language.value, { type: "region" });
  const options = library.getCountries().map((code) => ({ value: code, label: `${names.of(code)} (+${library.getCountryCallingCode(code)})` }));
  return [{ value: "", label: t("inbox.new.anyCountry") }, ...options.sort((one, other) => one.label.localeCompare(other.label, language.value))];
}

/** The conversation is named by the answer, or known as soon as the message is recorded. */
async function conversationIdOf(sent) {
  if (sent.conversationId) return sent.conversationId;
  const { data } = await get(`/api/messages/${encodeURIComponent(sent.messageId)}`).catch(() => ({}));
  return data?.conversation_id ?? null;
}

function NewConversation({ close }) {
  const [isReady, setReady] = useState(Boolean(globalThis.libphonenumber));
  useEffect(() => { loadPhoneLibrary().then(() => setReady(true), () => {}); }, []);
  const options = useMemo(countryOptions, [isReady, language.value]);
  const accounts = instances.value;
  const first = accounts.find((instance) => instance.status === "connected") ?? accounts[0];
  const [country, setCountry] = useState(null);
  const attempt = useRef({ key: null, clientId: null });
  const chosenCountry = country ?? countryOf(first);

  function validate({ number, text }) {
    return {
      number: digitsOf(number, chosenCountry) ? null : t("inbox.new.noNumber"),
      text: !text.trim() ? t("common.required") : [...text.trim()].length > MAX_CHARACTERS ? t("inbox.tooLong", { n: [...text.trim()].length - MAX_CHARACTERS, max: MAX_CHARACTERS }) : null,
    };
  }

  async function submit({ number, text, instanceId }) {
    const message = { to: digitsOf(number, chosenCountry), instanceId: instanceId || first?.id, message: text.trim() };
    const key = JSON.stringify(message);
    // the same message again is sent at most once
    if (attempt.current.key !== key) attempt.current = { key, clientId: newClientId() };
    const sent = await sendMessage({ ...message, clientId: attempt.current.clientId }).catch((problem) => {
      if (problem.reason !== "not_on_whatsapp") throw problem;
      throw Object.assign(new RequestError(problem, problem.message), { fields: { number: problem.message } });
    });
    saveDraft(NUMBER_DRAFT, "");
    saveDraft(TEXT_DRAFT, "");
    close();
    const id = await conversationIdOf(sent);
    if (id) navigate("inbox", id);
    else toast(t("inbox.new.waits"));
  }

  const form = useForm({ number: draftOf(NUMBER_DRAFT), text: draftOf(TEXT_DRAFT), instanceId: first?.id ?? "" }, submit, validate);
  const type = (name, draft) => (value) => {
    form.set(name, value);
    saveDraft(draft, value);
  };
  return html`
    <${Dialog} title=${t("inbox.new.title")} onClose=${() => close()}>
      <form onSubmit=${form.onSubmit} novalidate>
        ${accounts.length > 1 && html`<${Select} label=${t("inbox.account")} options=${accounts.map((each) => ({ value: each.id, label: each.instance_name }))} value=${form.values.instanceId} onChange=${(value) => form.set("instanceId", value)} />`}
        ${options.length > 0 && html`<${Select} label=${t("inbox.new.country")} options=${options} value=${chosenCountry} onChange=${setCountry} />`}
        <${TextField} label=${t("inbox.new.number")} type="tel" dir="ltr" autocomplete="off" maxlength="40" value=${form.values.number} onInput=${type("number", NUMBER_DRAFT)} error=${form.errors.number} />
        <${TextArea} label=${t("inbox.new.text")} rows="4" value=${form.values.text} onInput=${type("text", TEXT_DRAFT)} error=${form.errors.text} />
        <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
        <div class="actions">
          <${Button} onClick=${() => close()}>${t("common.cancel")}</${Button}>
          <${Button} variant="primary" type="submit" busy=${form.isBusy}>${t("inbox.send")}</${Button}>
        </div>
      </form>
    </${Dialog}>
  `;
}

export const openNewConversation = () => openDialog((close) => html`<${NewConversation} close=${close} />`);
