// Start: configuration, then the login or the shell.

import { forgetDrafts } from "./drafts.js";
import { forgetAttempts } from "./linking.js";
import { connectLive, disconnectLive } from "./socket.js";
import { showLogin } from "./login.js";
import { get, post, whenExpired } from "./rest.js";
import { currentSession, keepSession, whenEnded } from "./session.js";
import { showShell } from "./shell.js";
import { forget, known } from "./store.js";
import { followTheme } from "./theme.js";

const root = document.getElementById("app");
let leaveShell = () => {};

function login(message) {
  leaveShell();
  leaveShell = () => {};
  disconnectLive();
  forget();
  keepSession(null);
  showLogin(root, { start, message, registration: known.config.registration !== "closed" && known.config.registration !== false });
}

function start() {
  connectLive();
  leaveShell = showShell(root, { logout });
}

async function logout() {
  const token = currentSession()?.refreshToken;
  forgetDrafts();
  forgetAttempts();
  if (token) await post("/api/auth/logout", { refresh_token: token }).catch(() => {});
  login();
}

followTheme();
whenEnded(() => login("You logged out in another tab."));
whenExpired((problem) => login(problem.message));
const config = await get("/api/config").catch(() => ({}));
Object.assign(known.config, config.data ?? config);
if (currentSession()?.token) start();
else login();
