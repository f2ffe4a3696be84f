// Invites a person: an e-mail address and a role, then a link to hand over.

import { Button } from "../../components/Button.js";
import { Dialog } from "../../components/Dialog.js";
import { Select, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { html, useState } from "../../rendering.js";
import { LinkDialog, linkOf } from "./LinkDialog.js";

/** `onClose(created)` */
export function InviteDialog({ roles, onClose }) {
  const [created, setCreated] = useState(null);
  const form = useForm({ email: "", role: "agent" }, async ({ email, role }) => {
    const { data } = await post("/api/invitations", { email: email.trim(), role });
    setCreated(data);
  }, ({ email }) => ({ email: email.trim() ? null : t("common.required") }));
  if (created) {
    const text = t(created.mailed ? "settings.inviteMailed" : "settings.inviteLinkText", { email: created.email });
    return html`<${LinkDialog} title=${t("settings.inviteLinkTitle")} text=${text} link=${linkOf("invitation", created.token)} until=${created.expires_at} onClose=${() => onClose(true)} />`;
  }
  return html`
    <${Dialog} title=${t("settings.inviteTitle")} onClose=${() => onClose(false)}>
      <form class="form" novalidate onSubmit=${form.onSubmit}>
        <${TextField} label=${t("settings.email")} name="email" type="email" autocomplete="off" value=${form.values.email} error=${form.errors.email} onInput=${(value) => form.set("email", value)} />
        <${Select} label=${t("settings.role")} name="role" options=${roles.map((role) => ({ value: role, label: t(`settings.role.${role}`) }))} hint=${t(`settings.roleText.${form.values.role}`)} value=${form.values.role} error=${form.errors.role} onChange=${(value) => form.set("role", value)} />
        <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
        <div class="actions"><${Button} onClick=${() => onClose(false)}>${t("common.cancel")}</${Button}><${Button} variant="primary" type="submit" busy=${form.isBusy}>${t("settings.makeInvitation")}</${Button}></div>
      </form>
    </${Dialog}>
  `;
}
