// One person: name, numbers, bookings, conversations, merged contacts.

import { Avatar } from "../../components/Avatar.js";
import { Button, IconButton } from "../../components/Button.js";
import { EmptyState, ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { Time } from "../../components/Time.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { formatPhone } from "../../phone_format.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";
import { usePerson } from "./person.js";
import { PersonBookings } from "./PersonBookings.js";
import { PersonConversations } from "./PersonConversations.js";
import { PersonMerges } from "./PersonMerges.js";
import { PersonName, WhatsappName } from "./PersonName.js";

/** All numbers of a person: its own, and those of contacts that were merged into it. */
function Numbers({ person }) {
  const numbers = [...new Set([person, ...person.merges].map((each) => each.phone_number).filter(Boolean))];
  return html`<p class="muted">${numbers.length ? numbers.map(formatPhone).join(" · ") : t("people.hiddenNumber")}</p>`;
}

function Person({ person }) {
  return html`
    <header class="person-head">
      <${Avatar} name=${personName(person)} contactId=${person.id} size="large" />
      <div class="person-facts">
        <${PersonName} contact=${person} as="h1" />
        <${WhatsappName} contact=${person} />
        <${Numbers} person=${person} />
        ${person.last_message_at && html`<p class="muted small">${t("people.lastContact")} <${Time} at=${person.last_message_at} format="dateTime" /></p>`}
        ${person.created_at && html`<p class="muted small">${t("people.since")} <${Time} at=${person.created_at} format="date" /></p>`}
      </div>
    </header>
    <div class="person-sections">
      <${PersonBookings} contact=${person} heading="h2" />
      <${PersonConversations} contact=${person} heading="h2" />
      <${PersonMerges} person=${person} heading="h2" />
    </div>
  `;
}

export function PersonPage({ id }) {
  const { person, isGone, problem, retry } = usePerson(id);
  const content = () => {
    if (isGone) return html`<${EmptyState} icon="people" title=${t("people.gone")} text=${t("people.goneText")}><${Button} href=${href("people")}>${t("people.all")}</${Button}></${EmptyState}>`;
    if (person) return html`${problem && html`<${ErrorState} problem=${problem} onRetry=${retry} />`}<${Person} key=${person.id} person=${person} />`;
    return problem ? html`<${ErrorState} problem=${problem} onRetry=${retry} />` : html`<${SkeletonRows} kind="card" count=${3} />`;
  };
  return html`<div class="view"><div class="page person-page"><div><${IconButton} icon="back" class="back" href=${href("people")} label=${t("people.all")} /></div>${content()}</div></div>`;
}
