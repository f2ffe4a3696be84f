// One row of the list of conversations: a conversation, or a message that was found.

import { Avatar } from "../../components/Avatar.js";
import { CountBadge } from "../../components/Badge.js";
import { Icon } from "../../components/Icon.js";
import { Time } from "../../components/Time.js";
import { initials, personName } from "../../formats.js";
import { t } from "../../language.js";
import { summaryWithAuthor } from "../../message_summary.js";
import { ownId } from "../../network/session.js";
import { html, memo, signal } from "../../rendering.js";
import { href } from "../../router.js";
import { draftMarks } from "../../store/drafts.js";
import { memberOf } from "../../store/members.js";
import { instances } from "../../store/signals.js";
import { contactOf, on, store } from "../../store/store.js";

/** By conversation id: {draft} and {unsent}. */
const marks = signal(new Map());
on("drafts", () => { marks.value = draftMarks(); });

/** Reads the drafts again: their texts change without a notice while they are typed. */
export function refreshDraftMarks() {
  marks.value = draftMarks();
}

function personOf(conversation) {
  const person = conversation.contact ?? store.contacts.get(conversation.contact_id);
  if (!person && conversation.contact_id) contactOf(conversation.contact_id).catch(() => {});
  return person;
}

/** An unsent message or a draft takes precedence over the last message. */
function Preview({ last, mark }) {
  if (mark?.unsent) return html`<strong class="unsent"><${Icon} name="alert" />${t("inbox.notSent")}</strong>`;
  if (mark?.draft) return html`<strong class="draft">${t("inbox.draft")}</strong><bdi>${mark.draft}</bdi>`;
  return html`<bdi>${last ? summaryWithAuthor(last) : ""}</bdi>`;
}

function Assignee({ id }) {
  if (!id) return null;
  const member = memberOf(id);
  const name = member?.name ?? t("common.formerUser");
  const label = id === ownId() ? t("inbox.assignedToYou") : t("inbox.assignedTo", { name });
  return html`<span class="assignee" role="img" aria-label=${label} title=${label}>${member ? initials(name) : "?"}</span>`;
}

export const ConversationRow = memo(({ conversation, isOpen }) => {
  const person = personOf(conversation);
  const name = personName(person);
  const last = conversation.last_message;
  const count = conversation.unread_count ?? 0;
  const account = instances.value.length > 1 ? store.instances.get(conversation.instance_id)?.instance_name : null;
  return html`
    <a class="conversation" href=${href("inbox", conversation.id)} data-key=${conversation.id} aria-current=${isOpen ? "true" : null}>
      <${Avatar} name=${name} contactId=${conversation.contact_id} />
      <span class="conversation-main">
        <span class="conversation-top"><strong dir="auto">${name}</strong><${Time} at=${last?.timestamp} /></span>
        <span class="conversation-bottom">
          <span class="conversation-last"><${Preview} last=${last} mark=${marks.value.get(conversation.id)} /></span>
          ${account && html`<span class="conversation-account" dir="auto">${account}</span>`}
          <${Assignee} id=${conversation.assigned_to} />
          <${CountBadge} class="unread" count=${count} label=${t("inbox.newMessages", { n: count })} />
        </span>
      </span>
    </a>
  `;
});

export const MessageHit = memo(({ message, person }) => html`
  <a class="conversation" href=${href("inbox", message.conversation_id, message.id)} data-message=${message.id} data-key=${`message ${message.id}`}>
    <span class="conversation-main">
      <span class="conversation-top"><strong dir="auto">${personName(person)}</strong><${Time} at=${message.timestamp} /></span>
      <span class="conversation-last"><bdi>${summaryWithAuthor(message)}</bdi></span>
    </span>
  </a>
`);
