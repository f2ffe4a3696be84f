// Whether the other person is there or types, and that somebody here does. True only while it lasts, so all of it fades.

import { when } from "./format.js";
import { say } from "./socket.js";
import { known, on } from "./store.js";

const FADES = 12_000;
const RENEW = 240_000;
const REPEAT = 5_000;
const PAUSE = 4_000;
const TYPING = { composing: "typing…", recording: "recording a voice message…" };

/** `show(text)` is called with what the other person does. → {typed, close}; `typed(something)`: the field holds a text. */
export function attention(id, show) {
  const conversation = { conversationId: id };
  let presence = "";
  let fading = null;
  let pausing = null;
  let toldAt = 0;

  const look = () => known.online && !document.hidden && say("presence_subscribe", conversation);

  function faded() {
    clearTimeout(fading);
    show(presence);
  }

  function typing({ conversation_id: which, state }) {
    if (which !== id) return;
    clearTimeout(fading);
    show(TYPING[state] ?? presence);
    fading = setTimeout(faded, FADES);
  }

  function seen({ conversation_id: which, available, last_seen: last }) {
    if (which !== id) return;
    presence = available ? "online" : last ? `last seen ${when(last)}` : "";
    faded();
  }

  function arrived({ conversation_id: which, direction }) {
    if (which === id && direction === "inbound") faded();
  }

  function paused() {
    clearTimeout(pausing);
    if (toldAt) say("stop_typing", conversation);
    toldAt = 0;
  }

  function typed(something) {
    if (!something) return paused();
    clearTimeout(pausing);
    pausing = setTimeout(paused, PAUSE);
    if (Date.now() - toldAt < REPEAT) return;
    toldAt = Date.now();
    say("typing", conversation);
  }

  const renewing = setInterval(look, RENEW);
  const stops = [on("typing", typing), on("presence", seen), on("online", look), on("message", arrived)];
  document.addEventListener("visibilitychange", look);
  look();
  return {
    typed,
    close() {
      paused();
      clearTimeout(fading);
      clearInterval(renewing);
      document.removeEventListener("visibilitychange", look);
      for (const stop of stops) stop();
    },
  };
}
