// Changes the user's own password.

import { Button } from "../../components/Button.js";
import { PasswordField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { html } from "../../rendering.js";

const EMPTY = { old_password: "", new_password: "" };

export function PasswordForm() {
  const form = useForm(EMPTY, async (values) => {
    await post("/api/auth/password", values);
    for (const name of Object.keys(EMPTY)) form.set(name, "");
    toast(t("settings.passwordChanged"));
  }, (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value ? null : t("common.required")])));
  return html`
    <form class="form" novalidate onSubmit=${form.onSubmit}>
      <p class="muted">${t("settings.passwordText")}</p>
      <${PasswordField} label=${t("settings.oldPassword")} name="old_password" autocomplete="current-password" value=${form.values.old_password} error=${form.errors.old_password} onInput=${(value) => form.set("old_password", value)} />
      <${PasswordField} label=${t("settings.newPassword")} name="new_password" autocomplete="new-password" hint=${t("settings.passwordLength")} value=${form.values.new_password} error=${form.errors.new_password} onInput=${(value) => form.set("new_password", value)} />
      <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
      <div class="actions start"><${Button} type="submit" busy=${form.isBusy}>${t("settings.changePassword")}</${Button}></div>
    </form>
  `;
}
