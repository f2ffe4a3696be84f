// Whether somebody is logged in, and what happens when that ends.

import { computed, signal } from "@preact/signals";
import { t } from "./language.js";
import { post, onSessionExpired } from "./network/rest.js";
import { currentSession, onSessionEnded, onSessionReplaced, saveSession } from "./network/session.js";

export const isLoggedIn = computed(() => Boolean(currentSession()?.token));

/** Why the login page is shown; null: nothing to explain. */
export const endedMessage = signal(null);

/** The session of the user whom another tab has logged in; null: there is none. */
export const otherUser = signal(null);

const cleanups = new Set();

/** `cleanup({isLogout})` is called when the session ends, before it is deleted; `isLogout`: the user logged out here. */
export const atSessionEnd = (cleanup) => cleanups.add(cleanup);

function end(message, isLogout = false) {
  endedMessage.value = message;
  for (const cleanup of cleanups) cleanup({ isLogout });
  saveSession(null);
}

/** Logs out here, in all tabs and at the server. What was typed is deleted, because the computer may be shared. */
export async function endSession() {
  const token = currentSession()?.refreshToken;
  if (token) await post("/api/auth/logout", { refresh_token: token }).catch(() => {});
  end(null, true);
}

onSessionEnded(() => end(t("shell.loggedOutElsewhere")));
onSessionExpired((problem) => end(problem.message));
onSessionReplaced((session) => {
  for (const cleanup of cleanups) cleanup({ isLogout: false });
  otherUser.value = session;
});
