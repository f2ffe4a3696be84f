// Start of the page: reads the configuration, then shows the login or the shell.

import { deleteDrafts } from "./store/drafts.js";
import { deleteAttempts } from "./pages/numbers/linking.js";
import { connectSocket, disconnectSocket } from "./network/socket.js";
import { showLogin } from "./pages/login/login.js";
import { get, post, onSessionExpired } from "./network/rest.js";
import { currentSession, saveSession, onSessionEnded } from "./network/session.js";
import { showShell } from "./shell.js";
import { clearStore, store } from "./store/store.js";
import { followTheme } from "./theme.js";

const root = document.getElementById("app");
let leaveShell = () => {};

function login(message) {
  leaveShell();
  leaveShell = () => {};
  disconnectSocket();
  clearStore();
  saveSession(null);
  showLogin(root, { start, message, registration: store.config.registration !== "closed" && store.config.registration !== false });
}

function start() {
  connectSocket();
  leaveShell = showShell(root, { logout });
}

async function logout() {
  const token = currentSession()?.refreshToken;
  deleteDrafts();
  deleteAttempts();
  if (token) await post("/api/auth/logout", { refresh_token: token }).catch(() => {});
  login();
}

followTheme();
onSessionEnded(() => login("You logged out in another tab."));
onSessionExpired((problem) => login(problem.message));
const config = await get("/api/config").catch(() => ({}));
Object.assign(store.config, config.data ?? config);
if (currentSession()?.token) start();
else login();
