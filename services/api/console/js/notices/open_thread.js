// The conversation that the user looks at in this tab.

import { route } from "../router.js";

let isAtEnd = () => true;

/** `check()`: whether the newest message of the open thread is on the screen. → a function to call when the thread is closed */
export function watchThreadEnd(check) {
  isAtEnd = check;
  return () => {
    if (isAtEnd === check) isAtEnd = () => true;
  };
}

/** The id; null: none, or this tab is not on the screen, or the user reads what is further up. */
export function conversationInView() {
  const { page, id } = route.value;
  return page === "inbox" && id && document.visibilityState === "visible" && isAtEnd() ? id : null;
}
