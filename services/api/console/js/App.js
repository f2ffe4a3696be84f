// The console as a whole: who is logged in decides what is shown.

import { useEffect, html } from "./rendering.js";
import { DialogHost } from "./components/Dialog.js";
import { LegacyPage } from "./components/LegacyPage.js";
import { lazy } from "./components/lazy.js";
import { Toasts } from "./components/Toast.js";
import { language, t } from "./language.js";
import { showLogin } from "./pages/login/login.js";
import { endSession, endedMessage, isLoggedIn, otherUser } from "./session_state.js";
import { config } from "./store/config.js";
import "./words/common.js";
import "./words/components.js";
import "./words/shell.js";

const Shell = lazy(() => import("./shell/Shell.js"), "Shell");

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
  if (isLoggedIn.value) return html`<${Shell} logOut=${endSession} />`;
  const registration = config.value.registration !== "closed" && config.value.registration !== false;
  return html`<${LegacyPage} show=${(root) => showLogin(root, { start: () => {}, message: endedMessage.value, registration })} />`;
}

export function App() {
  useEffect(() => { document.documentElement.lang = language.value; }, [language.value]);
  return html`<${Content} /><${DialogHost} /><${Toasts} />`;
}
