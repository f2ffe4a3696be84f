// The text of a message, with its formats and links; a long one is folded.

import { t } from "../../language.js";
import { html, useState } from "../../rendering.js";
import { foldedText, parseMessageText } from "./message_text.js";

const ELEMENTS = { bold: "strong", italic: "em", struck: "s" };

function renderPart(part) {
  if (part.kind === "text") return part.text;
  if (part.kind === "fixed") return html`<code>${part.text}</code>`;
  if (part.kind === "link") return html`<a class="message-link" dir="ltr" href=${part.href} target="_blank" rel="noopener noreferrer nofollow">${part.text}</a>`;
  return html`<${ELEMENTS[part.kind]}>${part.parts.map(renderPart)}</${ELEMENTS[part.kind]}>`;
}

/** `unfolded`: the ids of messages that are shown in full; it is kept while the thread is open. */
export function MessageText({ text, id, unfolded }) {
  const [isUnfolded, setUnfolded] = useState(unfolded.has(id));
  const beginning = foldedText(text);
  function toggle() {
    if (isUnfolded) unfolded.delete(id);
    else unfolded.add(id);
    setUnfolded(!isUnfolded);
  }
  return html`
    <span class="text" dir="auto">${parseMessageText(beginning !== null && !isUnfolded ? beginning : text).map(renderPart)}</span>
    ${beginning !== null && html`<button class="link fold" type="button" aria-expanded=${String(isUnfolded)} onClick=${toggle}>${t(isUnfolded ? "message.showLess" : "message.showAll")}</button>`}
  `;
}
