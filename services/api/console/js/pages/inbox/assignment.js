// Assigning, closing, reopening a conversation, and marking it read.

import { h, icon } from "../../components/dom.js";
import { displayError } from "../../network/errors.js";
import { post } from "../../network/rest.js";
import { ownId } from "../../network/session.js";
import { store, put } from "../../store/store.js";
import { toast } from "../../components/widgets.js";

const postAction = async (id, action, body) => put("conversations", (await post(`/api/conversations/${encodeURIComponent(id)}/${action}`, body)).data);

export const isClosed = (conversation) => conversation.status === "closed";
export const isMine = (conversation) => Boolean(conversation.assigned_to) && conversation.assigned_to === ownId();

/** Buttons for the head of a thread. */
export function assignmentButtons(conversation) {
  if (!conversation) return [];
  const mine = isMine(conversation);
  const button = (key, text, drawing, action, body) => {
    let isPending = false;
    async function onclick() {
      if (isPending) return;
      isPending = true; // a disabled button would lose the focus
      await postAction(conversation.id, action, body).catch((problem) => toast(displayError(problem).message, "bad"));
      isPending = false;
    }
    return h("button", { class: "button small assignment", type: "button", "data-key": key, "aria-label": text, title: text, onclick }, icon(drawing), h("span", null, text));
  };
  return [
    mine ? button("assign", "Give back", "contacts", "assign", { user_id: null }) : button("assign", conversation.assigned_to ? "Take over" : "Assign to me", "contacts", "assign", { user_id: "me" }),
    isClosed(conversation) ? button("status", "Reopen", "inbox", "reopen") : button("status", "Close", "check", "close"),
  ];
}

/** Marks the conversation read while its newest message is on the screen, as `isNewestVisible()` says. → {markRead, close} */
export function readMarker(id, isNewestVisible) {
  let requestedCount = 0;
  let needsRepeat = false;
  let isForbidden = false;

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
