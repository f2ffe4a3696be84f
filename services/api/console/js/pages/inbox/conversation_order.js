// The order of the conversations in the list, for the way from one to the next.

let listedIds = [];

/** The list shows these conversations. */
export function setListedConversations(ids) {
  listedIds = ids;
}

/** The id of the conversation `step` rows below this one (above, when negative); null: there is none. */
export function neighbourOf(id, step) {
  const at = listedIds.indexOf(id);
  if (at < 0) return listedIds[0] ?? null;
  return listedIds[at + step] ?? null;
}

/** The conversation to open when this one leaves the list: the next one, else the one before. */
export const conversationAfter = (id) => [neighbourOf(id, 1), neighbourOf(id, -1)].find((found) => found && found !== id) ?? null;
