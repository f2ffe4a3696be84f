// Shows a link that gives access, once; it leaves the page with the dialog.

import { Button } from "../../components/Button.js";
import { Dialog } from "../../components/Dialog.js";
import { TextField } from "../../components/Field.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { html, useRef, useState } from "../../rendering.js";
import { href } from "../../router.js";

/** The part after # is never sent to a server, so it is in no log. */
export const linkOf = (page, token) => `${location.origin}/${href(page, token)}`;

/** Copies the text of an input, also where the clipboard is forbidden. → whether it worked */
async function copy(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return document.execCommand("copy"); // plain http beyond localhost has no clipboard
  }
}

/** A value with a button that copies it. */
export function CopyField({ label, value, name = "secret" }) {
  const root = useRef(null);
  const [isCopied, setCopied] = useState(false);
  const onCopy = async () => setCopied(await copy(root.current.querySelector("input")));
  return html`
    <div class="copy-field" ref=${root}>
      <${TextField} label=${label} name=${name} value=${value} readonly onInput=${() => {}} onFocus=${(event) => event.currentTarget.select()} />
      <${Button} icon=${isCopied ? "check" : "copy"} onClick=${onCopy}>${t(isCopied ? "common.copied" : "common.copy")}</${Button}>
    </div>
  `;
}

/** `until`: when the link ends. */
export function LinkDialog({ title, text, link, until, onClose }) {
  return html`
    <${Dialog} title=${title} onClose=${() => onClose(true)} actions=${html`<${Button} variant="primary" onClick=${() => onClose(true)}>${t("common.close")}</${Button}>`}>
      <p class="muted">${text}</p>
      <${CopyField} label=${t("settings.link")} name="link" value=${link} />
      <p class="muted small">${t("settings.validUntil")} <${Time} at=${until} format="dateTime" /></p>
    </${Dialog}>
  `;
}
