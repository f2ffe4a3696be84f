// The page behind the link of an invitation: who invites to what, and the form that accepts it.

import { Button } from "../../components/Button.js";
import { PasswordField, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { hasWords, t } from "../../language.js";
import { post } from "../../network/rest.js";
import { saveSession } from "../../network/session.js";
import { batch, html } from "../../rendering.js";
import { isLoggedIn } from "../../session_state.js";
import { LinkGone, LinkLoading, LinkRefused, LogOutFirst, useLinkDetails } from "./LinkPage.js";
import { leaveLink } from "./link_token.js";
import { sessionOf } from "./logged_in_session.js";
import { LoginCard, Problem, requiredFields, Switch, trimmed } from "./LoginCard.js";

const MAX_NAME_CHARACTERS = 80;

function roleName(role) {
  const key = `login.role.${role}`;
  return hasWords(key) ? t(key) : role;
}

function textOf({ organization_name: organization, role, invited_by: inviter }) {
  return inviter ? t("login.invitedBy", { organization, role: roleName(role), inviter }) : t("login.invited", { organization, role: roleName(role) });
}

function Acceptance({ details, token }) {
  const form = useForm({ name: "", password: "" }, async (values) => {
    const answer = await post("/api/auth/accept-invitation", { token, ...trimmed(values) });
    const session = sessionOf(answer, details.email);
    batch(() => {
      leaveLink();
      saveSession(session);
    });
  }, requiredFields);
  const field = (name) => ({ name, required: true, value: form.values[name], error: form.errors[name], onInput: (value) => form.set(name, value) });
  return html`
    <${LoginCard} key="form" title=${t("login.invitationTitle", { organization: details.organization_name })} text=${textOf(details)}>
      <form novalidate onSubmit=${form.onSubmit}>
        <${TextField} name="email" type="email" label=${t("login.email")} autocomplete="username" readonly value=${details.email} onInput=${() => {}} />
        <${TextField} ...${field("name")} label=${t("login.name")} autocomplete="name" maxlength=${MAX_NAME_CHARACTERS} />
        <${PasswordField} ...${field("password")} label=${t("login.newPassword")} hint=${t("login.passwordHint")} autocomplete="new-password" />
        <${Problem} text=${form.problem?.message} />
        <${Button} type="submit" variant="primary" class="wide" busy=${form.isBusy}>${t("login.accept")}</${Button}>
      </form>
      <${Switch} text=${t("login.haveAccount")} label=${t("login.logIn")} onClick=${leaveLink} />
    </${LoginCard}>
  `;
}

export function InvitationPage({ token }) {
  const { details, problem, read } = useLinkDetails("/api/auth/invitation", token);
  const title = t("login.invitation");
  if (!token) return html`<${LinkGone} title=${title} />`;
  if (problem) return html`<${LinkRefused} title=${title} problem=${problem} onRetry=${read} />`;
  if (!details) return html`<${LinkLoading} title=${title} />`;
  if (isLoggedIn.value) return html`<${LogOutFirst} title=${t("login.invitationTitle", { organization: details.organization_name })} text=${textOf(details)} />`;
  return html`<${Acceptance} details=${details} token=${token} />`;
}
