// API keys: for programs, with only the scopes they need.

import { Badge } from "../../components/Badge.js";
import { Button } from "../../components/Button.js";
import { Dialog, confirm, openDialog } from "../../components/Dialog.js";
import { Checkbox, Select, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { Card } from "../../components/layout.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { get, post, remove } from "../../network/rest.js";
import { html, useState } from "../../rendering.js";
import { instances } from "../../store/signals.js";
import { CopyField } from "./LinkDialog.js";
import { useLoaded } from "./useLoaded.js";

const SCOPES = ["read", "send", "manage"];

function KeyDialog({ onClose }) {
  const [created, setCreated] = useState(null);
  const form = useForm({ name: "", read: true, send: true, manage: false, instance: "" }, async ({ name, instance, ...scopes }) => {
    const body = { name: name.trim(), scopes: SCOPES.filter((scope) => scopes[scope]), ...(instance ? { instance_ids: [instance] } : {}) };
    setCreated((await post("/api/api-keys", body)).data);
  }, (values) => ({ name: values.name.trim() ? null : t("common.required"), read: SCOPES.some((scope) => values[scope]) ? null : t("settings.scopeNeeded") }));
  if (created) {
    return html`
      <${Dialog} title=${t("settings.keyCreated")} onClose=${() => onClose(true)} actions=${html`<${Button} variant="primary" onClick=${() => onClose(true)}>${t("common.close")}</${Button}>`}>
        <p class="muted">${t("settings.keyCreatedText")}</p>
        <${CopyField} label=${t("settings.apiKey")} name="api_key" value=${created.key} />
      </${Dialog}>
    `;
  }
  const options = [{ value: "", label: t("settings.allNumbers") }, ...instances.value.map((instance) => ({ value: instance.id, label: instance.instance_name }))];
  return html`
    <${Dialog} title=${t("settings.newKey")} onClose=${() => onClose(false)}>
      <form class="form" novalidate onSubmit=${form.onSubmit}>
        <${TextField} label=${t("settings.keyName")} name="name" maxlength="80" autocomplete="off" hint=${t("settings.keyNameHint")} value=${form.values.name} error=${form.errors.name} onInput=${(value) => form.set("name", value)} />
        <fieldset class="plain">
          <legend>${t("settings.scopes")}</legend>
          ${SCOPES.map((scope) => html`<${Checkbox} key=${scope} label=${t(`settings.scope.${scope}`)} name=${scope} checked=${form.values[scope]} onChange=${(value) => form.set(scope, value)} />`)}
          <p class="error" role="alert">${form.errors.read ?? ""}</p>
        </fieldset>
        <${Select} label=${t("settings.keyNumbers")} name="instance" options=${options} value=${form.values.instance} onChange=${(value) => form.set("instance", value)} />
        <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
        <div class="actions"><${Button} onClick=${() => onClose(false)}>${t("common.cancel")}</${Button}><${Button} variant="primary" type="submit" busy=${form.isBusy}>${t("settings.makeKey")}</${Button}></div>
      </form>
    </${Dialog}>
  `;
}

function KeyRow({ apiKey, onRevoke }) {
  return html`
    <li class="setting-row">
      <div class="main">
        <strong dir="auto">${apiKey.name}</strong>
        <span class="muted small"><code>${apiKey.prefix}…</code> · ${apiKey.scopes.map((scope) => t(`settings.scope.${scope}`)).join(", ")} · <${Time} at=${apiKey.created_at} format="date" /></span>
      </div>
      ${apiKey.revoked_at ? html`<${Badge}>${t("settings.revoked")}</${Badge}>` : html`<${Button} size="small" onClick=${() => onRevoke(apiKey)}>${t("settings.revoke")}</${Button}>`}
    </li>
  `;
}

export function ApiKeys() {
  const { data, problem, reload } = useLoaded(() => get("/api/api-keys"));
  const create = async () => {
    if (await openDialog((close) => html`<${KeyDialog} onClose=${close} />`)) reload();
  };
  const revoke = async (apiKey) => {
    const run = () => remove(`/api/api-keys/${encodeURIComponent(apiKey.id)}`);
    if (await confirm({ title: t("settings.revokeTitle", { name: apiKey.name }), text: t("settings.revokeText"), action: t("settings.revoke"), danger: true, run })) reload();
  };
  const shown = data?.data.toSorted((one, other) => Boolean(one.revoked_at) - Boolean(other.revoked_at)) ?? [];
  return html`
    <${Card} title=${t("settings.apiKeys")} actions=${html`<${Button} size="small" icon="plus" onClick=${create}>${t("settings.newKey")}</${Button}>`}>
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${!data && !problem && html`<${SkeletonRows} count=${2} />`}
      ${data && shown.length === 0 && html`<p class="muted">${t("settings.noKeys")}</p>`}
      ${shown.length > 0 && html`<ul class="setting-rows">${shown.map((apiKey) => html`<${KeyRow} key=${apiKey.id} apiKey=${apiKey} onRevoke=${revoke} />`)}</ul>`}
    </${Card}>
  `;
}
