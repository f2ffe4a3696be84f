// Presence and typing of the contact, and our own typing notifications.

import { when } from "../../format.js";
import { emitEphemeral } from "../../network/socket.js";
import { store, on } from "../../store/store.js";

const TYPING_VISIBLE_MS = 12_000;
const SUBSCRIPTION_RENEWAL_MS = 240_000;
const TYPING_REPEAT_MS = 5_000;
const TYPING_PAUSE_MS = 4_000;
const TYPING_TEXTS = { composing: "typing…", recording: "recording a voice message…" };

/** `show(text)` gets the contact's presence or typing. → {inputChanged(hasText), close} */
export function presenceTracker(id, show) {
  const target = { conversationId: id };
  let presence = "";
  let visibleTimer = null;
  let pauseTimer = null;
  let typingSentAt = 0;

  const subscribe = () => store.online && !document.hidden && emitEphemeral("presence_subscribe", target);

  function showPresence() {
    clearTimeout(visibleTimer);
    show(presence);
  }

  function typing({ conversation_id: which, state }) {
    if (which !== id) return;
    clearTimeout(visibleTimer);
    show(TYPING_TEXTS[state] ?? presence);
    visibleTimer = setTimeout(showPresence, TYPING_VISIBLE_MS);
  }

  function presenceChanged({ conversation_id: which, available, last_seen: last }) {
    if (which !== id) return;
    presence = available ? "online" : last ? `last seen ${when(last)}` : "";
    showPresence();
  }

  function messageArrived({ conversation_id: which, direction }) {
    if (which === id && direction === "inbound") showPresence();
  }

  function sendPaused() {
    clearTimeout(pauseTimer);
    if (typingSentAt) emitEphemeral("stop_typing", target);
    typingSentAt = 0;
  }

  function inputChanged(hasText) {
    if (!hasText) return sendPaused();
    clearTimeout(pauseTimer);
    pauseTimer = setTimeout(sendPaused, TYPING_PAUSE_MS);
    if (Date.now() - typingSentAt < TYPING_REPEAT_MS) return;
    typingSentAt = Date.now();
    emitEphemeral("typing", target);
  }

  const renewalTimer = setInterval(subscribe, SUBSCRIPTION_RENEWAL_MS);
  const stops = [on("typing", typing), on("presence", presenceChanged), on("online", subscribe), on("message", messageArrived)];
  document.addEventListener("visibilitychange", subscribe);
  subscribe();
  return {
    inputChanged,
    close() {
      sendPaused();
      clearTimeout(visibleTimer);
      clearInterval(renewalTimer);
      document.removeEventListener("visibilitychange", subscribe);
      for (const stop of stops) stop();
    },
  };
}
