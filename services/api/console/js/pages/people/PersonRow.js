// A row of the table of people; on phones a card.

import { Avatar } from "../../components/Avatar.js";
import { Button } from "../../components/Button.js";
import { Time } from "../../components/Time.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { formatPhone } from "../../phone_format.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";

/** `conversations`: [{id, account: name, or null when the person has only this one}] */
export function PersonRow({ person, conversations }) {
  const name = personName(person);
  return html`
    <article class="row person-row" aria-label=${name} data-key=${`row ${person.id}`}>
      <${Avatar} name=${name} contactId=${person.id} />
      <p class="name"><a class="stranger" dir="auto" href=${href("people", person.id)} data-key=${`person ${person.id}`}>${name}</a></p>
      <p class="muted person-number">${formatPhone(person.phone_number) || t("people.hiddenNumber")}</p>
      <p class="muted person-last">${person.last_message_at ? html`<span class="column-name">${t("people.lastContact")} </span><${Time} at=${person.last_message_at} />` : t("people.noContactYet")}</p>
      <div class="side">
        ${conversations.map(({ id, account }) => html`
          <${Button} key=${id} size="small" icon="inbox" href=${href("inbox", id)} data-key=${`open ${id}`} aria-label=${account ? t("people.openConversationOn", { name, account }) : t("people.openConversationWith", { name })}><span dir="auto">${account ?? t("people.open")}</span></${Button}>
        `)}
      </div>
    </article>
  `;
}
