// Phone numbers in the groups that are usual in their country. The library that knows them is large, so it is loaded when
// the first number has been shown; until then the digits after the country code are grouped by three.

import { signal } from "@preact/signals";
import { whenIdle } from "./idle.js";

const MAX_REMEMBERED_NUMBERS = 5_000;
const LONG_COUNTRY_CODES = /^(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])/; // three digits; all others have one or two
const ONE_DIGIT_COUNTRY_CODES = /^[17]/;

/** Whether `formatPhone` knows the groups of every country. */
export const phoneFormatReady = signal(false);

const formatted = new Map();
let requested = false;

/** Loads what knows the numbers of every country. */
export async function loadPhoneLibrary() {
  await import("../vendor/libphonenumber.mjs"); // not a module by itself: it sets `globalThis.libphonenumber`
  formatted.clear();
  phoneFormatReady.value = true;
}

/** "5511987654321" → "+55 11 98765 4321"; what is not digits only is returned as it is. */
export function formatPhone(digits) {
  if (!/^\d+$/.test(digits ?? "")) return digits ?? "";
  const ready = phoneFormatReady.value; // read each time, so that components are drawn again when it changes
  if (!requested) {
    requested = true;
    whenIdle(() => loadPhoneLibrary().catch(() => {})); // without it the simple groups stay
  }
  if (!formatted.has(digits)) {
    if (formatted.size >= MAX_REMEMBERED_NUMBERS) formatted.clear();
    formatted.set(digits, (ready && groupsOfCountry(digits)) || groupsOfThree(digits));
  }
  return formatted.get(digits);
}

const groupsOfCountry = (digits) => globalThis.libphonenumber.parsePhoneNumberFromString(`+${digits}`)?.formatInternational();

function groupsOfThree(digits) {
  const codeLength = ONE_DIGIT_COUNTRY_CODES.test(digits) ? 1 : LONG_COUNTRY_CODES.test(digits) ? 3 : 2;
  const groups = digits.slice(codeLength).match(/.{1,3}/g) ?? [];
  if (groups.length > 1 && groups.at(-1).length === 1) groups.splice(-2, 2, groups.at(-2) + groups.at(-1));
  return [`+${digits.slice(0, codeLength)}`, ...groups].join(" ");
}
