// Log in, and what leads from there: a new organization, a forgotten password.

import { Button } from "../../components/Button.js";
import { PasswordField, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { saveSession } from "../../network/session.js";
import { html, useState } from "../../rendering.js";
import { endedMessage } from "../../session_state.js";
import { config } from "../../store/config.js";
import { ForgottenPasswordPage } from "./ForgottenPasswordPage.js";
import { sessionOf } from "./logged_in_session.js";
import { LoginCard, Problem, requiredFields, Switch, trimmed } from "./LoginCard.js";
import { RegistrationPage } from "./RegistrationPage.js";

const mayRegister = () => config.value.registration !== "closed" && config.value.registration !== false;

function LoginForm({ email, setEmail, show }) {
  const form = useForm({ email, password: "" }, async (values) => {
    const body = trimmed(values);
    saveSession(sessionOf(await post("/api/auth/login", body), body.email));
  }, requiredFields);
  const changeEmail = (value) => {
    form.set("email", value);
    setEmail(value);
  };
  const isWithoutError = !Object.values(form.errors).some(Boolean) && !form.isBusy;
  return html`
    <${LoginCard} title=${t("login.title")} text=${t("login.subtitle")}>
      <form novalidate onSubmit=${form.onSubmit}>
        <${TextField} name="email" type="email" label=${t("login.email")} autocomplete="username" required value=${form.values.email} error=${form.errors.email} onInput=${changeEmail} />
        <${PasswordField} name="password" label=${t("login.password")} autocomplete="current-password" required value=${form.values.password} error=${form.errors.password} onInput=${(value) => form.set("password", value)} />
        <${Problem} text=${form.problem?.message ?? (isWithoutError ? endedMessage.value : null)} />
        <${Button} type="submit" variant="primary" class="wide" busy=${form.isBusy}>${t("login.logIn")}</${Button}>
      </form>
      <${Switch} label=${t("login.forgotten")} onClick=${() => show("forgotten")} />
      ${mayRegister() && html`<${Switch} text=${t("login.newHere")} label=${t("login.createAccount")} onClick=${() => show("registration")} />`}
    </${LoginCard}>
  `;
}

const PAGES = { login: LoginForm, registration: RegistrationPage, forgotten: ForgottenPasswordPage };

/** The address stays as it is, so that one comes back to the page on which the session ended. */
export function LoginPage() {
  const [page, setPage] = useState("login");
  const [email, setEmail] = useState("");
  const show = (next) => {
    endedMessage.value = null;
    setPage(next);
  };
  return html`<${PAGES[page]} key=${page} email=${email} setEmail=${setEmail} show=${show} />`;
}
