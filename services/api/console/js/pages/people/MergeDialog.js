// Merges two contacts that are one person.

import { Button } from "../../components/Button.js";
import { Dialog, openDialog } from "../../components/Dialog.js";
import { toast } from "../../components/Toast.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { formatPhone } from "../../phone_format.js";
import { html, useRef, useState } from "../../rendering.js";
import "../../words/people_page.js";
import { mergeContacts } from "./contact_changes.js";
import { PersonLine, PersonPicker } from "./PersonPicker.js";

/** `contact` stays; `other` (optional) is merged into it, else the user chooses one. `close(whether they were merged)`. */
export function MergeDialog({ contact, other = null, close }) {
  const [chosen, setChosen] = useState(other);
  const [error, setError] = useState(null);
  const [problem, setProblem] = useState(null);
  /** The numbers of both, when each has one: the user has to say that they are one person nevertheless. */
  const [numbers, setNumbers] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);

  function select(person) {
    setChosen(person);
    setNumbers(null);
    setProblem(null);
    setError(null);
  }

  async function submit(event) {
    event.preventDefault();
    if (running.current) return;
    if (!chosen) return void setError(t("people.choosePerson"));
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await mergeContacts(contact.id, chosen.id, Boolean(numbers));
      toast(t("people.merged", { name: personName(contact) }));
      close(true);
    } catch (thrown) {
      const shown = displayError(thrown);
      if (shown.code === "contacts_have_numbers") setNumbers(shown.details?.phone_numbers ?? []);
      else setProblem(shown);
    } finally {
      running.current = false;
      setBusy(false);
    }
  }

  return html`
    <${Dialog} title=${t("people.mergeTitle", { name: personName(contact) })} onClose=${() => close(false)}>
      <form class="merge-form" onSubmit=${submit} novalidate>
        <div class="field" role="group" aria-label=${t("people.stays")}><span class="label">${t("people.stays")}</span><div class="chosen-person"><${PersonLine} person=${contact} /></div></div>
        <${PersonPicker} label=${t("people.mergedInto")} value=${chosen} onSelect=${select} exceptId=${contact.id} error=${error} />
        <p class="muted">${t("people.mergeExplained")}</p>
        ${numbers && html`<p class="warning-text" role="alert">${t("people.bothHaveNumbers", { numbers: numbers.map(formatPhone).join(" · ") })}</p>`}
        <p class="error box" role="alert">${problem?.message ?? ""}</p>
        <div class="actions">
          <${Button} onClick=${() => close(false)}>${t("common.cancel")}</${Button}>
          <${Button} variant=${numbers ? "danger" : "primary"} type="submit" busy=${isBusy}>${t(numbers ? "people.mergeAnyway" : "people.merge")}</${Button}>
        </div>
      </form>
    </${Dialog}>
  `;
}

/** → a promise of whether they were merged */
export const openMergeDialog = (contact, other = null) => openDialog((close) => html`<${MergeDialog} contact=${contact} other=${other} close=${close} />`).then(Boolean);
