// Whether a record matches a search, by the server's rule: every word is part of the name, the number or the text.

const MARKS = /\p{M}+/gu;

/** Removes case, accents and width. */
export const fold = (text) => (text ?? "").normalize("NFKD").replace(MARKS, "").toLowerCase().replaceAll("ß", "ss");

/** Symbols separate words like blanks do; a search for symbols alone, such as an emoji, searches for them. */
export function wordsOf(text) {
  const words = fold(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return words.length ? words : fold(text).split(/\s+/u).filter(Boolean);
}

/** Whether each word is in one of the texts, or its digits are in the phone number. */
export function matches(words, texts, number) {
  const folded = texts.filter(Boolean).map(fold);
  return words.every((word) => {
    const digits = word.replace(/\D/g, "");
    return folded.some((text) => text.includes(word)) || Boolean(digits && number?.includes(digits));
  });
}

export const matchesPerson = (words, person, ...more) => matches(words, [person?.name, ...more], person?.phone_number);

/** The server's order of contacts: by folded name; contacts without a name last, by number. */
export function byName(one, other) {
  const [left, right] = [nameKey(one), nameKey(other)];
  if (left !== right) return left < right ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

const LAST = "\u{10ffff}";
const nameKey = ({ name, phone_number: number }) => (name ? fold(name) : `${LAST}${number ?? LAST}`);
