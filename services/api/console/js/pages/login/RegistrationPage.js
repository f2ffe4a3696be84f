// A new user with a new organization, where the server allows it.

import { Button } from "../../components/Button.js";
import { PasswordField, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { saveSession } from "../../network/session.js";
import { html } from "../../rendering.js";
import { sessionOf } from "./logged_in_session.js";
import { LoginCard, Problem, requiredFields, Switch, trimmed } from "./LoginCard.js";

const MAX_NAME_CHARACTERS = 80;

export function RegistrationPage({ email, setEmail, show }) {
  const form = useForm({ name: "", organization_name: "", email, password: "" }, async (values) => {
    const body = trimmed(values);
    saveSession(sessionOf(await post("/api/auth/register", body), body.email));
  }, requiredFields);
  const field = (name) => ({ name, required: true, value: form.values[name], error: form.errors[name], onInput: (value) => form.set(name, value) });
  const changeEmail = (value) => {
    form.set("email", value);
    setEmail(value);
  };
  return html`
    <${LoginCard} title=${t("login.registrationTitle")} text=${t("login.subtitle")}>
      <form novalidate onSubmit=${form.onSubmit}>
        <${TextField} ...${field("name")} label=${t("login.name")} autocomplete="name" maxlength=${MAX_NAME_CHARACTERS} />
        <${TextField} ...${field("organization_name")} label=${t("login.organization")} autocomplete="organization" maxlength=${MAX_NAME_CHARACTERS} />
        <${TextField} ...${field("email")} type="email" label=${t("login.email")} autocomplete="username" onInput=${changeEmail} />
        <${PasswordField} ...${field("password")} label=${t("login.password")} hint=${t("login.passwordHint")} autocomplete="new-password" />
        <${Problem} text=${form.problem?.message} />
        <${Button} type="submit" variant="primary" class="wide" busy=${form.isBusy}>${t("login.register")}</${Button}>
      </form>
      <${Switch} text=${t("login.haveAccount")} label=${t("login.logIn")} onClick=${() => show("login")} />
    </${LoginCard}>
  `;
}
