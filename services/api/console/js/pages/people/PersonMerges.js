// The contacts that were merged into a person, which can be split off again.

import { Button } from "../../components/Button.js";
import { confirm } from "../../components/Dialog.js";
import { Time } from "../../components/Time.js";
import { toast } from "../../components/Toast.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { can } from "../../network/session.js";
import { html } from "../../rendering.js";
import "../../words/people_page.js";
import { splitContact } from "./contact_changes.js";
import { openMergeDialog } from "./MergeDialog.js";
import { PersonLine } from "./PersonPicker.js";

async function split(person, merged) {
  const name = personName(merged);
  const wasSplit = await confirm({
    title: t("people.splitTitle", { name }), text: t("people.splitText", { name }), action: t("people.split"), run: () => splitContact(person.id, merged.id),
  });
  if (wasSplit) toast(t("people.wasSplit", { name }));
}

/** `person`: with its `merges` (see usePerson()); `heading`: the element of the heading. */
export function PersonMerges({ person, heading: Heading = "h3" }) {
  const mayManage = can("manage");
  if (!person.merges.length && !mayManage) return null;
  return html`
    <section class="person-section" aria-label=${t("people.merges")}>
      <header><${Heading}>${t("people.merges")}</${Heading}>${mayManage && html`<${Button} size="small" icon="merge" onClick=${() => openMergeDialog(person)}>${t("people.mergeWith")}</${Button}>`}</header>
      ${person.merges.length > 0 ? html`
        <ul class="lines-list">${person.merges.map((merged) => html`
          <li key=${merged.id} class="merged-line">
            <span class="chosen-person"><${PersonLine} person=${merged} /></span>
            <span class="muted small">${t("people.mergedAt")} <${Time} at=${merged.merged_at} format="date" /></span>
            ${mayManage && html`<${Button} size="small" icon="split" aria-label=${t("people.splitNamed", { name: personName(merged) })} onClick=${() => split(person, merged)}>${t("people.split")}</${Button}>`}
          </li>
        `)}</ul>
      ` : html`<p class="muted">${t("people.noMerges")}</p>`}
    </section>
  `;
}
