// Dates, times and names of people in the user's language and the organization's time zone.

import { computed, signal } from "@preact/signals";
import { locale, t } from "./language.js";
import { formatPhone } from "./phone_format.js";

/** IANA name; null: the browser's time zone. */
export const timeZone = signal(null);

const DAY_MS = 86_400_000;

/** A formatter of the current locale and time zone, made once for both. */
const formatter = (options) => computed(() => {
  try {
    return new Intl.DateTimeFormat(locale.value, { ...options, timeZone: timeZone.value ?? undefined });
  } catch {
    return new Intl.DateTimeFormat(locale.value, options); // this browser does not know the zone
  }
});

const clock = formatter({ hour: "2-digit", minute: "2-digit" });
const weekday = formatter({ weekday: "long" });
const shortDate = formatter({ day: "numeric", month: "short" });
const shortDateWithYear = formatter({ day: "numeric", month: "short", year: "numeric" });
const longDate = formatter({ day: "numeric", month: "long", year: "numeric" });
const dateAndTime = formatter({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
/** Gregorian digits whatever the locale: the days are compared, not shown. */
const dayParts = computed(() => {
  const options = { year: "numeric", month: "2-digit", day: "2-digit", timeZone: timeZone.value ?? undefined };
  try {
    return new Intl.DateTimeFormat("en-CA", options);
  } catch {
    return new Intl.DateTimeFormat("en-CA", { ...options, timeZone: undefined });
  }
});

/** "2026-03-02": the day of a moment in the time zone. */
export const dayKey = (at) => dayParts.value.format(new Date(at));

const dayNumber = (at) => Date.parse(dayKey(at)) / DAY_MS;
const daysAgo = (at) => Math.round(dayNumber(Date.now()) - dayNumber(at));

export const formatClock = (at) => clock.value.format(new Date(at));
export const formatDate = (at) => longDate.value.format(new Date(at));
export const formatDateTime = (at) => dateAndTime.value.format(new Date(at));

/** "Today", "Yesterday", "Monday", "3 March 2026" */
export function formatDay(at) {
  const ago = daysAgo(at);
  if (ago === 0) return t("common.today");
  if (ago === 1) return t("common.yesterday");
  return ago > 1 && ago < 7 ? weekday.value.format(new Date(at)) : formatDate(at);
}

/** Short form for lists: "14:05", "Yesterday", "Monday", "3 Mar", "3 Mar 2025" */
export function formatWhen(at) {
  const ago = daysAgo(at);
  const moment = new Date(at);
  if (ago === 0) return clock.value.format(moment);
  if (ago === 1) return t("common.yesterday");
  if (ago > 1 && ago < 7) return weekday.value.format(moment);
  return (Math.abs(ago) < 300 ? shortDate : shortDateWithYear).value.format(moment);
}

const MAX_CONTACT_DIGITS = 4;

/** The name of a contact, else the number, else the last digits of the LID. */
export function personName(contact) {
  if (!contact) return t("common.unknownContact");
  if (contact.name) return contact.name;
  if (contact.phone_number) return formatPhone(contact.phone_number);
  return contact.lid ? t("common.contactNumber", { digits: contact.lid.slice(-MAX_CONTACT_DIGITS) }) : t("common.unknownContact");
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const firstGrapheme = (word) => graphemes.segment(word)[Symbol.iterator]().next().value?.segment ?? "";

/** One or two characters for an avatar: of words that begin with a letter, else of an emoji; "#" for a number. */
export function initials(name) {
  const words = (name ?? "").trim().split(/\s+/u);
  const withLetters = words.filter((word) => /^\p{L}/u.test(word));
  if (withLetters.length) return [withLetters[0], ...withLetters.slice(1).slice(-1)].map(firstGrapheme).join("").toLocaleUpperCase(locale.value);
  const pictograph = words.map(firstGrapheme).find((character) => /\p{Extended_Pictographic}/u.test(character));
  return pictograph ?? "#";
}
