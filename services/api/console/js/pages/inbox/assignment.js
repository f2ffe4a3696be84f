// Assigning, closing and reopening a conversation. Each request names the state that the user saw; the API refuses it when a colleague has changed that state.

import { displayError, RequestError } from "../../network/errors.js";
import { post } from "../../network/rest.js";
import { ownId } from "../../network/session.js";
import { t } from "../../language.js";
import { memberOf } from "../../store/members.js";
import { conversationOf, put, store } from "../../store/store.js";

export const isClosed = (conversation) => conversation.status === "closed";
export const isMine = (conversation) => Boolean(conversation.assigned_to) && conversation.assigned_to === ownId();

export const postAction = async (id, action, body) => put("conversations", (await post(`/api/conversations/${encodeURIComponent(id)}/${action}`, body)).data);

/** What a colleague did meanwhile, in words. */
function conflictText(action, conversation) {
  if (action === "close") return t("inbox.closedMeanwhile");
  if (action === "reopen") return t("inbox.reopenedMeanwhile");
  if (!conversation?.assigned_to) return t("inbox.unassignedMeanwhile");
  return t("inbox.assignedMeanwhile", { name: memberOf(conversation.assigned_to)?.name ?? t("inbox.colleague") });
}

/** Throws RequestError, whose `message` may be shown. */
async function change(id, action, body) {
  try {
    await postAction(id, action, body);
  } catch (problem) {
    if (problem.code !== "conversation_changed") throw displayError(problem);
    await conversationOf(id, true).catch(() => {});
    throw new RequestError(problem, conflictText(action, store.conversations.get(id)));
  }
}

/** `userId`: null for nobody. */
export const assign = ({ id, assigned_to: seen = null }, userId) => change(id, "assign", { user_id: userId, expected_assigned_to: seen });
export const close = ({ id }) => change(id, "close", { expected_status: "open" });
export const reopen = ({ id }) => change(id, "reopen", { expected_status: "closed" });
