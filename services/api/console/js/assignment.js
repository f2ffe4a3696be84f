// Who takes care of a conversation: what is unread, who answers, what is done with.

import { h, icon } from "./dom.js";
import { forPeople } from "./errors.js";
import { post } from "./rest.js";
import { ownId } from "./session.js";
import { known, put } from "./store.js";
import { toast } from "./widgets.js";

const change = async (id, action, body) => put("conversations", (await post(`/api/conversations/${encodeURIComponent(id)}/${action}`, body)).data);

export const isClosed = (talk) => talk.status === "closed";
export const isMine = (talk) => Boolean(talk.assigned_to) && talk.assigned_to === ownId();

/** Buttons for the head of a thread. */
export function careButtons(talk) {
  if (!talk) return [];
  const mine = isMine(talk);
  const button = (key, text, drawing, action, body) => {
    let asked = false;
    async function onclick() {
      if (asked) return;
      asked = true; // a disabled button would lose the focus
      await change(talk.id, action, body).catch((problem) => toast(forPeople(problem).message, "bad"));
      asked = false;
    }
    return h("button", { class: "button small care", type: "button", "data-key": key, "aria-label": text, title: text, onclick }, icon(drawing), h("span", null, text));
  };
  return [
    mine ? button("assign", "Give back", "contacts", "assign", { user_id: null }) : button("assign", talk.assigned_to ? "Take over" : "Assign to me", "contacts", "assign", { user_id: "me" }),
    isClosed(talk) ? button("status", "Reopen", "inbox", "reopen") : button("status", "Close", "check", "close"),
  ];
}

/** Marks the conversation read while somebody looks at its newest message, as `seen()` says. → {look, close} */
export function reader(id, seen) {
  let asked = 0;
  let again = false;
  let tired = false;

  const unread = () => known.conversations.get(id)?.unread_count ?? 0;

  async function look() {
    if (tired || document.hidden || !seen() || !unread()) return;
    if (asked) return void (again ||= unread() !== asked); // what came while the server was asked may not be covered
    // who may only read changes nothing; after another failure the next message is a new occasion
    do {
      again = false;
      asked = unread();
      await change(id, "read").catch((problem) => { tired = problem.status === 403; });
    } while (again && !tired);
    asked = 0;
  }

  document.addEventListener("visibilitychange", look);
  return { look, close: () => document.removeEventListener("visibilitychange", look) };
}
