// Presence and typing of the contact, who of the colleagues is writing, and our own typing notifications.

import { formatWhen } from "../../formats.js";
import { t } from "../../language.js";
import { emitEphemeral } from "../../network/socket.js";
import { ownId } from "../../network/session.js";
import { signal } from "../../rendering.js";
import { store, on } from "../../store/store.js";

const TYPING_VISIBLE_MS = 12_000;
const SUBSCRIPTION_RENEWAL_MS = 240_000;
const TYPING_REPEAT_MS = 5_000;
const TYPING_PAUSE_MS = 4_000;
const TYPING_WORDS = { composing: "inbox.typing", recording: "inbox.recording" };

const lastSeenText = (presence) => (presence.available ? t("inbox.online") : presence.last_seen ? t("inbox.lastSeen", { when: formatWhen(presence.last_seen) }) : "");

/** The contact: {typing, presence}, and in words. */
function contactPresence(id) {
  const state = signal({ typing: null, presence: null });
  let visibleTimer = null;

  function stopTyping() {
    clearTimeout(visibleTimer);
    if (state.peek().typing) state.value = { ...state.peek(), typing: null };
  }

  function typing({ conversation_id: which, state: activity }) {
    if (which !== id) return;
    clearTimeout(visibleTimer);
    state.value = { ...state.peek(), typing: TYPING_WORDS[activity] ? activity : null };
    visibleTimer = setTimeout(stopTyping, TYPING_VISIBLE_MS);
  }

  function presenceChanged(presence) {
    if (presence.conversation_id !== id) return;
    clearTimeout(visibleTimer);
    state.value = { typing: null, presence };
  }

  const stops = [
    on("typing", typing), on("presence", presenceChanged),
    on("message", ({ conversation_id: which, direction }) => { if (which === id && direction === "inbound") stopTyping(); }),
  ];
  return {
    text: () => (state.value.typing ? t(TYPING_WORDS[state.value.typing]) : state.value.presence ? lastSeenText(state.value.presence) : ""),
    close() {
      clearTimeout(visibleTimer);
      for (const stop of stops) stop();
    },
  };
}

/** The ids of the colleagues who are writing in this conversation. */
function colleaguesTyping(id) {
  const ids = signal([]);
  const timers = new Map();

  function drop(userId) {
    clearTimeout(timers.get(userId));
    if (timers.delete(userId)) ids.value = [...timers.keys()];
  }

  const stops = [
    on("colleague-typing", ({ conversation_id: which, user_id: userId, state }) => {
      if (which !== id || !userId || userId === ownId()) return;
      if (state !== "composing") return drop(userId);
      clearTimeout(timers.get(userId));
      const isNew = !timers.has(userId);
      timers.set(userId, setTimeout(() => drop(userId), TYPING_VISIBLE_MS));
      if (isNew) ids.value = [...timers.keys()];
    }),
  ];
  return {
    ids,
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      for (const stop of stops) stop();
    },
  };
}

/** Tells the contact and the colleagues that somebody writes here. → {inputChanged(hasText), close} */
function ownTyping(target) {
  let pauseTimer = null;
  let typingSentAt = 0;

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

  return { inputChanged, close: sendPaused };
}

/** → {text(): of the contact, colleagueIds: a signal, inputChanged(hasText), close} */
export function presenceTracker(id) {
  const target = { conversationId: id };
  const contact = contactPresence(id);
  const colleagues = colleaguesTyping(id);
  const own = ownTyping(target);
  const subscribe = () => store.online && !document.hidden && emitEphemeral("presence_subscribe", target);
  const renewalTimer = setInterval(subscribe, SUBSCRIPTION_RENEWAL_MS);
  const stop = on("online", subscribe);
  document.addEventListener("visibilitychange", subscribe);
  subscribe();
  return {
    text: contact.text,
    colleagueIds: colleagues.ids,
    inputChanged: own.inputChanged,
    close() {
      for (const part of [contact, colleagues, own]) part.close();
      clearInterval(renewalTimer);
      document.removeEventListener("visibilitychange", subscribe);
      stop();
    },
  };
}
