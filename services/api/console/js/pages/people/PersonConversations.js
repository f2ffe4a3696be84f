// The conversations with a person, newest first.

import { Badge } from "../../components/Badge.js";
import { ListEnd } from "../../components/ListEnd.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { html, useEffect, useLayoutEffect } from "../../rendering.js";
import { href } from "../../router.js";
import { byOrder } from "../../store/order_keys.js";
import { instances, usePagedList } from "../../store/signals.js";
import { on } from "../../store/store.js";
import "../../words/people_page.js";

const newestFirst = (one, other) => byOrder(other, one);

/** `exceptId`: a conversation that is open already; `heading`: the element of the heading. */
export function PersonConversations({ contact, exceptId = null, title = t("people.conversations"), heading: Heading = "h3" }) {
  const list = usePagedList({ name: "conversations", path: "/api/conversations", order: newestFirst });
  useLayoutEffect(() => { list.ask({ contact_id: contact.id }, (conversation) => conversation.contact_id === contact.id); }, [contact.id]);
  useEffect(() => on("merged", list.reload), []);
  const shown = list.records().filter((conversation) => conversation.id !== exceptId);
  if (exceptId && list.state() === "ready" && !shown.length) return null;
  const accountName = (id) => instances.value.find((instance) => instance.id === id)?.instance_name ?? t("people.conversation");
  return html`
    <section class="person-section" aria-label=${title}>
      <header><${Heading}>${title}</${Heading}></header>
      ${shown.length > 0 && html`
        <ul class="lines-list">${shown.map((conversation) => html`
          <li key=${conversation.id}><a class="booking-line" href=${href("inbox", conversation.id)}>
            <span class="booking-line-head"><strong dir="auto">${accountName(conversation.instance_id)}</strong>${conversation.status === "closed" && html`<${Badge}>${t("people.closed")}</${Badge}>`}</span>
            <span class="muted small"><${Time} at=${conversation.updated_at} format="dateTime" /></span>
          </a></li>
        `)}</ul>
      `}
      <${ListEnd} list=${list} empty=${html`<p class="muted">${t("people.noConversations")}</p>`} />
    </section>
  `;
}
