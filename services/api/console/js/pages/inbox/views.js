// The views of the list of conversations: the query for the server, and the same condition for one record.

import { signal } from "../../rendering.js";
import { isClosed, isMine } from "./assignment.js";

const isOpen = (conversation) => !isClosed(conversation);

/** `count`: the field of the server's counts. */
export const VIEWS = {
  all: { query: { status: "open" }, accepts: isOpen, count: "open" },
  unread: { query: { unread: "true" }, accepts: (conversation) => conversation.unread_count > 0, count: "unread" },
  mine: { query: { status: "open", assigned_to: "me" }, accepts: (conversation) => isMine(conversation) && isOpen(conversation), count: "mine" },
  unassigned: { query: { status: "open", assigned_to: "none" }, accepts: (conversation) => !conversation.assigned_to && isOpen(conversation), count: "unassigned" },
  closed: { query: { status: "closed" }, accepts: isClosed, count: "closed" },
};

/** The chosen view, and the id of the account whose conversations are listed ("": all accounts); they stay while the page is open. */
export const view = signal("all");
export const account = signal("");

/** → {query, accepts(conversation)} of both together. */
export function listFilter(viewName, instanceId) {
  const { query, accepts } = VIEWS[viewName];
  if (!instanceId) return { query, accepts };
  return { query: { ...query, instance_id: instanceId }, accepts: (conversation) => conversation.instance_id === instanceId && accepts(conversation) };
}
