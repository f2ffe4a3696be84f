// Formats values for display. Pure.

const SIZES = { 1: 1, 7: 1, 20: 2, 27: 2, 30: 2, 31: 2, 32: 2, 33: 2, 34: 2, 39: 2, 41: 2, 43: 2, 44: 2, 48: 2, 49: 2, 55: 2, 61: 2, 81: 2, 91: 2 };

/** "4917612345678" → "+49 176 123 456 78" */
export function phone(digits) {
  if (!digits || !/^\d+$/.test(digits)) return digits ?? "";
  const code = SIZES[digits[0]] ? 1 : (SIZES[digits.slice(0, 2)] ?? 3);
  const groups = digits.slice(code).match(/.{1,3}/g) ?? [];
  const last = groups.at(-1);
  if (groups.length > 1 && last.length === 1) groups.splice(-2, 2, groups.at(-2) + last);
  return `+${digits.slice(0, code)} ${groups.join(" ")}`.trim();
}

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
