// Ask for a link by e-mail, where the server sends mails; else whom to ask for one.

import { Button } from "../../components/Button.js";
import { TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { language, t } from "../../language.js";
import { post } from "../../network/rest.js";
import { html, useState } from "../../rendering.js";
import { config } from "../../store/config.js";
import { LoginCard, Problem, requiredFields, trimmed } from "./LoginCard.js";

const BackToLogin = ({ show }) => html`<${Button} class="wide" onClick=${() => show("login")}>${t("login.backToLogin")}</${Button}>`;

function LinkRequest({ email, setEmail, show, onSent }) {
  const form = useForm({ email }, async (values) => {
    const body = trimmed(values);
    await post("/api/auth/forgot-password", { ...body, language: language.value });
    onSent(body.email);
  }, requiredFields);
  const changeEmail = (value) => {
    form.set("email", value);
    setEmail(value);
  };
  return html`
    <${LoginCard} title=${t("login.forgottenTitle")} text=${t("login.forgottenText")}>
      <form novalidate onSubmit=${form.onSubmit}>
        <${TextField} name="email" type="email" label=${t("login.email")} autocomplete="username" required value=${form.values.email} error=${form.errors.email} onInput=${changeEmail} />
        <${Problem} text=${form.problem?.message} />
        <${Button} type="submit" variant="primary" class="wide" busy=${form.isBusy}>${t("login.sendLink")}</${Button}>
      </form>
      <${BackToLogin} show=${show} />
    </${LoginCard}>
  `;
}

export function ForgottenPasswordPage({ email, setEmail, show }) {
  const [sentTo, setSentTo] = useState(null);
  if (config.value.email && sentTo === null) return html`<${LinkRequest} email=${email} setEmail=${setEmail} show=${show} onSent=${setSentTo} />`;
  const text = sentTo === null ? t("login.askOwner") : t("login.linkSent", { email: sentTo });
  return html`<${LoginCard} key="answer" title=${t(sentTo === null ? "login.forgottenTitle" : "login.linkSentTitle")} text=${text}><${BackToLogin} show=${show} /></${LoginCard}>`;
}
