// The user's language: texts from the tables in words/, plural forms, dates and numbers.

import { computed, signal } from "@preact/signals";

/** The languages in the order of the columns of the tables in words/. */
export const LANGUAGES = ["en", "es", "pt-BR"];
export const LANGUAGE_NAMES = { en: "English", es: "Español", "pt-BR": "Português (Brasil)" };

const STORAGE_KEY = "switchboard.language";
const table = new Map();

/** The language of the browser that the console has; English when it has none of them. */
function browserLanguage() {
  for (const wanted of navigator.languages ?? [navigator.language]) {
    const base = wanted?.toLowerCase().split("-")[0];
    const found = LANGUAGES.find((language) => language.toLowerCase().split("-")[0] === base);
    if (found) return found;
  }
  return "en";
}

function storedLanguage() {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return LANGUAGES.includes(stored) ? stored : null;
  } catch {
    return null; // storage is forbidden
  }
}

/** The user's choice; null: the browser's language. */
export const chosenLanguage = signal(storedLanguage());
export const language = computed(() => chosenLanguage.value ?? browserLanguage());

/** The locale for dates and numbers: the browser's region when it speaks the chosen language. */
export const locale = computed(() => (navigator.languages ?? []).find((each) => each.split("-")[0] === language.value.split("-")[0]) ?? language.value);

/** `value`: one of LANGUAGES, or null for the browser's. */
export function chooseLanguage(value) {
  chosenLanguage.value = LANGUAGES.includes(value) ? value : null;
  try {
    if (chosenLanguage.value) localStorage.setItem(STORAGE_KEY, chosenLanguage.value);
    else localStorage.removeItem(STORAGE_KEY);
  } catch {
    // storage is forbidden: the choice holds for this page
  }
}

/**
 * Adds a table {key: [English, Spanish, Portuguese]}. A text has fields in braces ("{name}"); a text that depends on a number is an
 * object of plural forms {one, other} (Intl.PluralRules), chosen by the field `n`. → `t`, for the module's own use
 */
export function addWords(words) {
  for (const [key, texts] of Object.entries(words)) table.set(key, texts);
  return t;
}

const pluralRules = computed(() => new Intl.PluralRules(language.value));
const numberFormat = computed(() => new Intl.NumberFormat(locale.value));

export const formatNumber = (value) => numberFormat.value.format(value);

/** Whether the tables have this key. */
export const hasWords = (key) => table.has(key);

function textOf(key, fields) {
  const texts = table.get(key);
  if (!texts) return key;
  const text = texts[LANGUAGES.indexOf(language.value)] ?? texts[0];
  if (typeof text === "string") return text;
  return text[pluralRules.value.select(fields.n ?? 0)] ?? text.other;
}

const FIELD = /\{(\w+)\}/g;
const shown = (value) => (typeof value === "number" ? formatNumber(value) : String(value ?? ""));

/** The text of a key in the user's language, with its fields filled in. */
export function t(key, fields = {}) {
  return textOf(key, fields).replace(FIELD, (_, name) => shown(fields[name]));
}

/** The same for fields that are elements: → an array of strings and elements. */
export function tParts(key, fields = {}) {
  return textOf(key, fields).split(FIELD).map((part, at) => (at % 2 ? (typeof fields[part] === "number" ? formatNumber(fields[part]) : fields[part]) : part));
}

/** All tables, for the test that looks for missing translations. */
export const allWords = () => Object.fromEntries(table);
