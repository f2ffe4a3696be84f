// Formats values for display. Pure.

import { formatPhone } from "./phone_format.js";

export const phone = formatPhone;

export function personName(contact) {
  if (!contact) return "Unknown contact";
  return contact.name || phone(contact.phone_number) || (contact.lid ? `Contact ${contact.lid.slice(-4)}` : "Unknown contact");
}

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const fullDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });

const midnight = (value) => new Date(value.getFullYear(), value.getMonth(), value.getDate());
const daysAgo = (value) => Math.round((midnight(new Date()) - midnight(value)) / 86_400_000);

export const clock = (iso) => time.format(new Date(iso));
export const dayKey = (iso) => midnight(new Date(iso)).getTime();

/** "Today", "Yesterday", "Monday", "3 March 2026" */
export function day(iso) {
  const value = new Date(iso);
  const ago = daysAgo(value);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? weekday.format(value) : fullDate.format(value);
}

/** Short form for lists: "14:05", "Yesterday", "Monday", "3 Mar" */
export function when(iso) {
  const value = new Date(iso);
  const ago = daysAgo(value);
  if (ago === 0) return time.format(value);
  if (ago === 1) return "Yesterday";
  return ago > 1 && ago < 7 ? weekday.format(value) : date.format(value);
}

const KINDS = {
  image: "Photo", video: "Video", audio: "Audio", voice: "Voice message", document: "Document", sticker: "Sticker",
  location: "Location", contact: "Contact card", poll: "Poll", poll_result: "Result of a poll", reaction: "Reaction",
  template: "Business message", buttons: "Business message", list: "Business message", interactive: "Business message",
  button_reply: "Choice", list_reply: "Choice", interactive_response: "Answer to a form", product: "Product", order: "Order",
  invoice: "Invoice", request_payment: "Request for payment", send_payment: "Payment", split_payment: "Shared payment",
  event: "Event", event_invite: "Invitation to an event", scheduled_call: "Planned call", missed_call: "Call",
  unsupported: "Not supported here: open it on the phone",
  undecryptable: "This message cannot be read here yet", unavailable: "Open this message on the phone",
};

export const DELETED = "This message was deleted";

/** One line about a message: its text, or what kind it is. */
export const summary = (message) => message.revoked_at ? DELETED : message.text || KINDS[message.type] || (message.type === "text" ? "" : `Message (${message.type})`);
