// The name of a person, which a user may change.

import { Button, IconButton } from "../../components/Button.js";
import { TextField } from "../../components/Field.js";
import { StrangerText } from "../../components/StrangerText.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { can } from "../../network/session.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../rendering.js";
import "../../words/people_page.js";
import { renameContact } from "./contact_changes.js";

const MAX_NAME_CHARACTERS = 256;

function NameForm({ contact, onDone }) {
  const [typed, setTyped] = useState(contact.name ?? "");
  /** The name that the user has seen: another one in the meantime is a conflict. */
  const [seen, setSeen] = useState(contact.name ?? null);
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);
  const root = useRef(null);
  useEffect(() => root.current.querySelector("input").select(), []);

  async function save(name) {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await renameContact(contact.id, name, seen);
      onDone();
    } catch (thrown) {
      if (thrown.code === "contact_changed") {
        const now = thrown.details?.contact?.name ?? null;
        setSeen(now);
        setProblem(now ? t("people.nameChanged", { name: now }) : t("people.nameRemoved"));
      } else setProblem(displayError(thrown).fields?.name ? t("people.nameInvalid") : displayError(thrown).message);
    } finally {
      running.current = false;
      setBusy(false);
    }
  }

  function submit(event) {
    event.preventDefault();
    const name = typed.trim();
    if (!name) return void setProblem(t("common.required"));
    if (name === contact.name && name === seen) return void onDone();
    save(name);
  }

  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    onDone();
  };
  return html`
    <form class="name-form" ref=${root} onSubmit=${submit} onKeyDown=${onKeyDown}>
      <${TextField} label=${t("people.name")} id=${`name-${contact.id}`} value=${typed} onInput=${setTyped} maxlength=${MAX_NAME_CHARACTERS} autocomplete="off" error=${problem} />
      <div class="name-actions">
        <${Button} variant="primary" size="small" type="submit" busy=${isBusy}>${t("common.save")}</${Button}>
        <${Button} size="small" onClick=${onDone}>${t("common.cancel")}</${Button}>
        ${contact.given_name && html`<${Button} variant="quiet" size="small" onClick=${() => save(null)}>${contact.whatsapp_name ? t("people.useWhatsappName", { name: contact.whatsapp_name }) : t("people.removeName")}</${Button}>`}
      </div>
    </form>
  `;
}

/** `contact`: its current record; `as`: the element of the name, "h1" or "h2". Who may not send only reads it. */
export function PersonName({ contact, as: Element = "h2" }) {
  const [isEditing, setEditing] = useState(false);
  const wasEditing = useRef(false);
  const root = useRef(null);
  useEffect(() => setEditing(false), [contact.id]);
  useLayoutEffect(() => {
    if (wasEditing.current && !isEditing) root.current?.querySelector("button")?.focus();
    wasEditing.current = isEditing;
  }, [isEditing]);
  const name = personName(contact);
  if (isEditing) return html`<${NameForm} key=${contact.id} contact=${contact} onDone=${() => setEditing(false)} />`;
  return html`
    <div class="person-name" ref=${root}>
      <${Element}><${StrangerText} text=${name} /></${Element}>
      ${can("send") && html`<${IconButton} icon="edit" size="small" label=${t("people.editName")} onClick=${() => setEditing(true)} />`}
    </div>
  `;
}

/** The name from WhatsApp, while a user's own is shown in its place. */
export function WhatsappName({ contact }) {
  if (!contact.whatsapp_name || contact.whatsapp_name === contact.name) return null;
  return html`<p class="muted small">${t("people.whatsappName")} <${StrangerText} text=${contact.whatsapp_name} /></p>`;
}
