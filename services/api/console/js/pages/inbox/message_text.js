// The text of a message as parts: WhatsApp's *bold*, _italic_, ~struck~ and ```fixed width```, and links. Pure.
//
// Strangers write these texts. A link is one only when its address is plain http or https, without a user name before the host,
// and without characters that change the direction of text: what is shown must be where it leads.

const MAX_DEPTH = 4;
/** A text with more parts is shown as it is. */
const MAX_PARTS = 2_000;

const MARKS = { "*": "bold", _: "italic", "~": "struck" };
/** Characters without width, and those that change the direction of text. */
const INVISIBLE = "\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff";
const LINK = new RegExp(`https?://[^\\s<>"'${INVISIBLE}\\u0000-\\u001f]+`, "giu");
const FIXED = /```([^`]*[^`\s][^`]*)```/g;
const TRAILING = /[.,;:!?)\]}»”’*_~]+$/u;
const WORD = /[\p{L}\p{N}]/u;

/** The address without the punctuation of the sentence around it; a closing bracket stays when it was opened inside. */
function addressIn(found) {
  let address = found;
  for (;;) {
    const shorter = address.replace(TRAILING, "");
    if (shorter === address) return address;
    const cut = address.slice(shorter.length);
    if (cut.startsWith(")") && shorter.includes("(") && !shorter.includes(")")) return `${shorter})`;
    address = shorter;
  }
}

/** → {href, text} of a link; null: it is none. A host with other letters than ASCII is shown as it is asked for. */
export function linkOf(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password || !url.hostname) return null;
  const authority = /^https?:\/\/([^/?#]*)/i.exec(address)[1];
  return { href: url.href, text: /^[\x21-\x7e]*$/.test(authority) ? address : url.href };
}

function pushText(parts, text) {
  if (!text) return;
  const last = parts.at(-1);
  if (last?.kind === "text") last.text += text;
  else parts.push({ kind: "text", text });
}

/** Whether a mark can begin here: before a visible character, and not within a word. */
function canOpen(text, at) {
  const next = text[at + 1];
  return Boolean(next) && !/\s/u.test(next) && next !== text[at] && !(at && WORD.test(text[at - 1]));
}

/** The index of the mark that closes the one at `start`, on the same line; -1: none. */
function closingMark(text, start) {
  const mark = text[start];
  for (let at = start + 2; at < text.length && text[at] !== "\n"; at += 1) {
    if (text[at] !== mark || /\s/u.test(text[at - 1])) continue;
    if (!text[at + 1] || !WORD.test(text[at + 1])) return at;
  }
  return -1;
}

function parseMarks(text, depth) {
  const parts = [];
  /** By mark: no mark of this kind closes on this line. Without it a line of many marks would be searched for each of them. */
  let unclosed = new Set();
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\n") unclosed = new Set();
    const kind = MARKS[text[at]];
    if (!kind || depth >= MAX_DEPTH || unclosed.has(kind) || !canOpen(text, at)) continue;
    const end = closingMark(text, at);
    if (end < 0) {
      unclosed.add(kind);
      continue;
    }
    pushText(parts, text.slice(from, at));
    parts.push({ kind, parts: parseMarks(text.slice(at + 1, end), depth + 1) });
    from = end + 1;
    at = end;
  }
  pushText(parts, text.slice(from));
  return parts;
}

/** Links are found first, so that marks in an address are not marks. */
function parseLinks(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const address = addressIn(found[0]);
    const link = linkOf(address);
    if (!link) continue;
    parts.push(...parseMarks(text.slice(from, found.index), 0), { kind: "link", ...link });
    from = found.index + address.length;
  }
  parts.push(...parseMarks(text.slice(from), 0));
  return parts;
}

/** → [{kind: "text", text} | {kind: "fixed", text} | {kind: "link", href, text} | {kind: "bold"…, parts}] */
export function parseMessageText(text) {
  const parts = [];
  let from = 0;
  for (const { 0: found, 1: fixed, index } of text.matchAll(FIXED)) {
    parts.push(...parseLinks(text.slice(from, index)), { kind: "fixed", text: fixed.replace(/^\n|\n$/g, "") });
    from = index + found.length;
  }
  parts.push(...parseLinks(text.slice(from)));
  return parts.length > MAX_PARTS ? [{ kind: "text", text }] : parts;
}

const MAX_FOLDED_CHARACTERS = 1_000;
const MAX_FOLDED_LINES = 12;

/** The beginning of a long text; null: it is short enough to be shown in full. */
export function foldedText(text) {
  const lines = text.split("\n", MAX_FOLDED_LINES + 2);
  const isLong = text.length > MAX_FOLDED_CHARACTERS * 1.2;
  if (!isLong && lines.length <= MAX_FOLDED_LINES + 1) return null;
  let shown = lines.slice(0, MAX_FOLDED_LINES).join("\n");
  if (shown.length > MAX_FOLDED_CHARACTERS) {
    shown = shown.slice(0, MAX_FOLDED_CHARACTERS);
    const end = Math.max(shown.lastIndexOf(" "), shown.lastIndexOf("\n"));
    shown = end > MAX_FOLDED_CHARACTERS / 2 ? shown.slice(0, end) : shown.replace(/[\ud800-\udbff]$/, "");
  }
  return `${shown.trimEnd()}…`;
}
