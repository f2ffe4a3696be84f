// Sound and desktop notification for new messages of customers, as the user has set them.

import { serverNow } from "../network/rest.js";
import { preferences } from "../store/profile.js";
import { contactOf, conversationOf, on, recordOf } from "../store/store.js";
import "../words/notices.js";
import { followPressedNotifications, showNotification } from "./desktop_notification.js";
import { deservesNotice, isQuiet, noticeOf } from "./notice_rules.js";
import { notifyingTab } from "./notifying_tab.js";
import { conversationInView } from "./open_thread.js";
import { playSound, prepareSound } from "./sound.js";

/** Messages of this time are one notice; other tabs say in it what is looked at there. */
const BURST_MS = 800;
const MIN_INTERVAL_MS = 4_000;
const MAX_WAITING_MESSAGES = 200;

const clock = () => new Date().toTimeString().slice(0, 5);

/** Reads who writes; a notice of somebody unknown is better than none. */
async function readPeople(messages) {
  const ids = [...new Set(messages.map((message) => message.conversation_id))].slice(0, 4);
  await Promise.all(ids.map(async (id) => {
    const conversation = await conversationOf(id).catch(() => null);
    if (conversation && !conversation.contact) await contactOf(conversation.contact_id).catch(() => null);
  }));
}

function contactOfConversation(id) {
  const conversation = recordOf("conversations", id);
  return recordOf("contacts", conversation?.contact_id) ?? conversation?.contact;
}

/** → a function that stops it */
export function followMessages() {
  const tab = notifyingTab();
  let waiting = [];
  let timer = null;
  let lastNoticeAt = -Infinity;

  function onMessage(message) {
    if (!deservesNotice(message, serverNow())) return;
    if (conversationInView() === message.conversation_id) return tab.markViewed(message.id);
    waiting = [...waiting, message].slice(-MAX_WAITING_MESSAGES);
    timer ??= setTimeout(giveNotice, Math.max(BURST_MS, lastNoticeAt + MIN_INTERVAL_MS - performance.now()));
  }

  async function giveNotice() {
    const messages = waiting.filter((message) => !tab.wasViewed(message.id) && conversationInView() !== message.conversation_id);
    waiting = [];
    timer = null;
    const { sound, desktop_notifications: desktop, quiet_from: from, quiet_until: until } = preferences.value;
    if (!messages.length || isQuiet(clock(), from, until) || !tab.isMine(messages[0].id)) return;
    lastNoticeAt = performance.now();
    if (sound) playSound();
    if (!desktop) return;
    await readPeople(messages);
    showNotification(noticeOf(messages, contactOfConversation));
  }

  const stops = [on("message", onMessage), prepareSound(), followPressedNotifications(), tab.close];
  return () => {
    clearTimeout(timer);
    for (const stop of stops) stop();
  };
}
