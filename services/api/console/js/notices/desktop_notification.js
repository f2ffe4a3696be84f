// Notifications of the desktop. The permission is asked for in the settings only.

import { href } from "../router.js";

const ICON = new URL("../../icons/icon-192.png", import.meta.url).href;

function open(address) {
  focus();
  location.hash = address;
}

/** Phones show notifications only by the service worker, which sends back the address that was pressed. */
export function followPressedNotifications() {
  const onMessage = ({ data }) => { if (/^#\/inbox(\/|$)/.test(data?.notificationAddress ?? "")) open(data.notificationAddress); };
  navigator.serviceWorker?.addEventListener("message", onMessage);
  return () => navigator.serviceWorker?.removeEventListener("message", onMessage);
}

/** A newer one of the same conversation replaces it. */
export function showNotification({ title, body, conversationId }) {
  if (globalThis.Notification?.permission !== "granted") return;
  const address = href("inbox", conversationId);
  const options = { body, icon: ICON, tag: conversationId ?? "several", silent: true, data: { address } };
  try {
    const notification = new Notification(title, options);
    notification.onclick = () => {
      notification.close();
      open(address);
    };
  } catch {
    navigator.serviceWorker?.getRegistration().then((registration) => registration?.showNotification(title, options)).catch(() => {});
  }
}
