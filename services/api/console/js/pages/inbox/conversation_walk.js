// From one conversation to the next with the keyboard. The focus stays out of the message field then, so that the next key
// goes on to the next conversation.

import { effect } from "../../rendering.js";
import { navigate, route } from "../../router.js";
import { neighbourOf } from "./conversation_order.js";

let walkedTo = null;

effect(() => {
  if (route.value.id !== walkedTo) walkedTo = null;
});

/** Opens a conversation because of a key; null: the list only. */
export function walkTo(id) {
  walkedTo = id;
  navigate("inbox", id);
}

/** Opens the conversation `step` rows further down. */
export function walk(step) {
  const to = neighbourOf(route.value.id, step);
  if (to && to !== route.value.id) walkTo(to);
}

export const wasWalkedTo = (id) => walkedTo === id;
