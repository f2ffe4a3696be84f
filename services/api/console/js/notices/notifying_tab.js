// One tab of many gives the notices, and none for a conversation that is looked at in another tab.

import { ownId } from "../network/session.js";

const NAME = "switchboard.notices";
const CLAIM_KEY = "switchboard.notice";
const MAX_REMEMBERED_VIEWS = 100;

/** Whether this tab is the first that claims this notice: for browsers without locks, on plain http. */
function claim(messageId) {
  try {
    if (localStorage.getItem(CLAIM_KEY) === messageId) return false;
    localStorage.setItem(CLAIM_KEY, messageId);
  } catch {
    // storage is forbidden: every tab gives its notices
  }
  return true;
}

/** → {isMine(message id), markViewed(message id), wasViewed(message id), close()} */
export function notifyingTab() {
  const name = `${NAME}.${ownId()}`;
  const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(name) : null;
  const viewed = new Set();
  let hasLock = false;
  let release = () => {};
  const aborter = new AbortController();

  function remember(id) {
    viewed.add(id);
    if (viewed.size > MAX_REMEMBERED_VIEWS) viewed.delete(viewed.values().next().value);
  }
  if (channel) channel.onmessage = ({ data }) => { if (typeof data?.viewed === "string") remember(data.viewed); };
  const hold = () => new Promise((resolve) => {
    hasLock = true;
    release = resolve;
  });
  navigator.locks?.request(name, { signal: aborter.signal }, hold).catch(() => {}); // given up with the session
  return {
    isMine: (messageId) => (navigator.locks ? hasLock : claim(messageId)),
    markViewed(messageId) {
      remember(messageId);
      channel?.postMessage({ viewed: messageId });
    },
    wasViewed: (messageId) => viewed.has(messageId),
    close() {
      aborter.abort();
      release();
      channel?.close();
    },
  };
}
