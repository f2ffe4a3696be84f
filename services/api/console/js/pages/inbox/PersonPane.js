// The pane about the person of the open conversation.

import { Avatar } from "../../components/Avatar.js";
import { IconButton } from "../../components/Button.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { formatPhone } from "../../phone_format.js";
import { html } from "../../rendering.js";
import { useRecord } from "../../store/signals.js";
import { usePerson } from "../people/person.js";
import { PersonBookings } from "../people/PersonBookings.js";
import { PersonConversations } from "../people/PersonConversations.js";
import { PersonMerges } from "../people/PersonMerges.js";
import { PersonName, WhatsappName } from "../people/PersonName.js";

function Numbers({ person }) {
  const numbers = [...new Set([person, ...person.merges].map((each) => each.phone_number).filter(Boolean))];
  return numbers.map((number) => html`<p key=${number} class="muted">${formatPhone(number)}</p>`);
}

function About({ contactId, conversationId }) {
  const { person, problem, retry } = usePerson(contactId);
  if (!person) return problem ? html`<${ErrorState} problem=${problem} onRetry=${retry} />` : html`<${SkeletonRows} kind="card" count=${3} />`;
  return html`
    <div class="pane-person">
      <${Avatar} name=${personName(person)} contactId=${person.id} size="large" />
      <${PersonName} contact=${person} /><${WhatsappName} contact=${person} /><${Numbers} person=${person} />
    </div>
    ${problem && html`<${ErrorState} problem=${problem} onRetry=${retry} />`}
    <${PersonBookings} contact=${person} />
    <${PersonConversations} contact=${person} exceptId=${conversationId} />
    <${PersonMerges} person=${person} />
  `;
}

export function PersonPane({ conversationId, onClose }) {
  const contactId = useRecord("conversations", conversationId)?.contact_id;
  return html`
    <aside class="person-pane" aria-label=${t("inbox.person")}>
      <header><h2>${t("inbox.person")}</h2><${IconButton} icon="close" label=${t("common.close")} onClick=${onClose} /></header>
      ${contactId ? html`<${About} key=${contactId} contactId=${contactId} conversationId=${conversationId} />` : html`<${SkeletonRows} kind="card" count=${3} />`}
    </aside>
  `;
}
