// Marks a conversation read while its newest message is on the screen.

import { can } from "../../network/session.js";
import { store } from "../../store/store.js";
import { postAction } from "./assignment.js";

/** `isNewestVisible()`: whether the newest message is on the screen. → {markRead, close} */
export function readMarker(id, isNewestVisible) {
  let requestedCount = 0;
  let needsRepeat = false;
  let isForbidden = !can("send");

  const unread = () => store.conversations.get(id)?.unread_count ?? 0;

  async function markRead() {
    if (isForbidden || document.hidden || !isNewestVisible() || !unread()) return;
    if (requestedCount) return void (needsRepeat ||= unread() !== requestedCount); // the request may not cover messages that came after it
    // without the permission (403) it stops for good; after another failure the next message tries again
    do {
      needsRepeat = false;
      requestedCount = unread();
      await postAction(id, "read").catch((problem) => { isForbidden = problem.status === 403; });
    } while (needsRepeat && !isForbidden);
    requestedCount = 0;
  }

  document.addEventListener("visibilitychange", markRead);
  return { markRead, close: () => document.removeEventListener("visibilitychange", markRead) };
}
