// Whether somebody is logged in, and what happens when that ends.

import { computed, signal } from "@preact/signals";
import { post, onSessionExpired } from "./network/rest.js";
import { currentSession, onSessionEnded, onSessionReplaced, saveSession } from "./network/session.js";
import { disconnectSocket } from "./network/socket.js";
import { deleteAttempts } from "./pages/numbers/linking.js";
import { deleteDrafts } from "./store/drafts.js";
import { clearStore } from "./store/store.js";
import { t } from "./language.js";

export const isLoggedIn = computed(() => Boolean(currentSession()?.token));

/** Why the login page is shown; null: nothing to explain. */
export const endedMessage = signal(null);

/** The session of the user whom another tab has logged in; null: there is none. */
export const otherUser = signal(null);

function end(message = null) {
  endedMessage.value = message;
  disconnectSocket();
  clearStore();
  saveSession(null);
}

/** Logs out here, in all tabs and at the server. Drafts are deleted, because the computer may be shared. */
export async function endSession() {
  const token = currentSession()?.refreshToken;
  deleteDrafts();
  deleteAttempts();
  if (token) await post("/api/auth/logout", { refresh_token: token }).catch(() => {});
  end();
}

onSessionEnded(() => end(t("shell.loggedOutElsewhere")));
onSessionExpired((problem) => end(problem.message));
onSessionReplaced((session) => {
  disconnectSocket();
  otherUser.value = session;
});
