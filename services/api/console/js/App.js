// The console as a whole: who is logged in decides what is shown.

import { useEffect, html } from "./rendering.js";
import { DialogHost } from "./components/Dialog.js";
import { lazy } from "./components/lazy.js";
import { Toasts } from "./components/Toast.js";
import { language, t } from "./language.js";
import { InvitationPage } from "./pages/login/InvitationPage.js";
import { linkToken } from "./pages/login/link_token.js";
import { LoginPage } from "./pages/login/LoginPage.js";
import { PasswordResetPage } from "./pages/login/PasswordResetPage.js";
import { route } from "./router.js";
import { endSession, isLoggedIn, otherUser } from "./session_state.js";
import "./words/common.js";
import "./words/components.js";
import "./words/shell.js";

const Shell = lazy(() => import("./shell/Shell.js"), "Shell");

const LINKED_PAGES = { invitation: InvitationPage, "password-reset": PasswordResetPage };

/** Another tab logged in another user: this tab must not show or do anything for either. */
function OtherUser() {
  return html`
    <main class="login">
      <div class="login-card">
        <h1>${t("shell.otherUser.title")}</h1>
        <p class="muted">${t("shell.otherUser.text", { email: otherUser.value.email })}</p>
        <button class="button primary wide" type="button" onClick=${() => location.reload()}>${t("shell.otherUser.continue", { email: otherUser.value.email })}</button>
      </div>
    </main>
  `;
}

function Content() {
  if (otherUser.value) return html`<${OtherUser} />`;
  const { page } = route.value;
  if (Object.hasOwn(LINKED_PAGES, page)) {
    const token = linkToken.value?.page === page ? linkToken.value.token : null;
    return html`<${LINKED_PAGES[page]} key=${token} token=${token} />`;
  }
  return isLoggedIn.value ? html`<${Shell} logOut=${endSession} />` : html`<${LoginPage} />`;
}

export function App() {
  useEffect(() => { document.documentElement.lang = language.value; }, [language.value]);
  return html`<${Content} /><${DialogHost} /><${Toasts} />`;
}
