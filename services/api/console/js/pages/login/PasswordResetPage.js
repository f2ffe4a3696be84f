// The page behind a link for a forgotten password: whose it is, and the form for the new one.

import { Button } from "../../components/Button.js";
import { PasswordField, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { t } from "../../language.js";
import { post } from "../../network/rest.js";
import { saveSession } from "../../network/session.js";
import { batch, html } from "../../rendering.js";
import { isLoggedIn } from "../../session_state.js";
import { LinkGone, LinkLoading, LinkRefused, LogOutFirst, useLinkDetails } from "./LinkPage.js";
import { leaveLink } from "./link_token.js";
import { sessionOf } from "./logged_in_session.js";
import { LoginCard, Problem, requiredFields, Switch } from "./LoginCard.js";

function NewPassword({ details, token }) {
  const form = useForm({ password: "" }, async ({ password }) => {
    const answer = await post("/api/auth/password-reset", { token, password });
    const session = sessionOf(answer, details.email);
    batch(() => {
      leaveLink();
      saveSession(session);
    });
  }, requiredFields);
  return html`
    <${LoginCard} key="form" title=${t("login.resetTitle")} text=${t("login.resetText", { organization: details.organization_name })}>
      <form novalidate onSubmit=${form.onSubmit}>
        <${TextField} name="email" type="email" label=${t("login.email")} autocomplete="username" readonly value=${details.email} onInput=${() => {}} />
        <${PasswordField} name="password" label=${t("login.newPassword")} hint=${t("login.passwordHint")} autocomplete="new-password" required value=${form.values.password} error=${form.errors.password} onInput=${(value) => form.set("password", value)} />
        <${Problem} text=${form.problem?.message} />
        <${Button} type="submit" variant="primary" class="wide" busy=${form.isBusy}>${t("login.setPassword")}</${Button}>
      </form>
      <${Switch} label=${t("login.backToLogin")} onClick=${leaveLink} />
    </${LoginCard}>
  `;
}

export function PasswordResetPage({ token }) {
  const { details, problem, read } = useLinkDetails("/api/auth/password-reset/inspect", token);
  const title = t("login.resetTitle");
  if (!token) return html`<${LinkGone} title=${title} />`;
  if (problem) return html`<${LinkRefused} title=${title} problem=${problem} onRetry=${read} />`;
  if (!details) return html`<${LinkLoading} title=${title} />`;
  if (isLoggedIn.value) return html`<${LogOutFirst} title=${title} text=${t("login.resetFor", { email: details.email, organization: details.organization_name })} />`;
  return html`<${NewPassword} details=${details} token=${token} />`;
}
