// The page behind a link with a token: reads what the link is for, or says why it cannot be used.

import { Button } from "../../components/Button.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { post } from "../../network/rest.js";
import { currentSession } from "../../network/session.js";
import { html, useEffect, useState } from "../../rendering.js";
import { endSession, isLoggedIn } from "../../session_state.js";
import { leaveLink } from "./link_token.js";
import { LoginCard, Problem } from "./LoginCard.js";

/** → {details, problem, read}: details of the link from `path`; both null while they are read. */
export function useLinkDetails(path, token) {
  const [{ details, problem }, setAnswer] = useState({ details: null, problem: null });
  const read = () => {
    setAnswer({ details: null, problem: null });
    post(path, { token }).then(
      (answer) => setAnswer({ details: answer.data, problem: null }),
      (thrown) => setAnswer({ details: null, problem: displayError(thrown) }),
    );
  };
  useEffect(() => { if (token) read(); }, [path, token]);
  return { details, problem, read };
}

const Leave = () => html`<${Button} class="wide" onClick=${leaveLink}>${t(isLoggedIn.value ? "login.toConsole" : "login.toLogin")}</${Button}>`;

/** The link cannot be used, or could not be read now. */
export function LinkRefused({ title, problem, onRetry }) {
  return html`
    <${LoginCard} key="refused" title=${title}>
      <${Problem} text=${problem.message} />
      ${problem.retryable && html`<${Button} variant="primary" class="wide" onClick=${onRetry}>${t("common.retry")}</${Button}>`}
      <${Leave} />
    </${LoginCard}>
  `;
}

/** The page was loaded again, and the token was only in memory. */
export const LinkGone = ({ title }) => html`<${LoginCard} key="gone" title=${title} text=${t("login.openLinkAgain")}><${Leave} /></${LoginCard}>`;

export const LinkLoading = ({ title }) => html`<${LoginCard} key="loading" title=${title} isBusy><p class="muted" role="status">${t("common.loading")}</p></${LoginCard}>`;

/** Somebody is logged in already: the link logs another user in, or the same one anew. */
export function LogOutFirst({ title, text }) {
  const [isBusy, setBusy] = useState(false);
  const logOut = () => {
    setBusy(true);
    endSession().finally(() => setBusy(false));
  };
  return html`
    <${LoginCard} key="logout" title=${title} text=${text}>
      <p>${t("login.loggedInAs", { email: currentSession()?.email })}</p>
      <${Button} variant="primary" class="wide" busy=${isBusy} onClick=${logOut}>${t("login.logOutFirst")}</${Button}>
      <${Leave} />
    </${LoginCard}>
  `;
}
