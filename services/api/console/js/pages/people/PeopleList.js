// The table of people: searched and sorted by the server, loaded while scrolling.

import { Select, SearchField } from "../../components/Field.js";
import { ListEnd } from "../../components/ListEnd.js";
import { PageHeader } from "../../components/layout.js";
import { EmptyState } from "../../components/placeholders.js";
import { searchFieldProps, useSearchText } from "../../components/search_text.js";
import { VirtualList } from "../../components/VirtualList.js";
import { t } from "../../language.js";
import { can } from "../../network/session.js";
import { html, signal, useEffect, useLayoutEffect, useRef } from "../../rendering.js";
import { matchesPerson, wordsOf } from "../../store/search_match.js";
import { instances, usePagedList } from "../../store/signals.js";
import { on, put, recordOf } from "../../store/store.js";
import { useContactConversations } from "./contact_conversations.js";
import { CONTACT_ORDERS } from "./contact_orders.js";
import { MergeSuggestions } from "./MergeSuggestions.js";
import { PersonRow } from "./PersonRow.js";

/** Stays while one looks at a person. */
const sort = signal("name");

/** A message changes when the last contact with a person was. */
function followLastMessages() {
  return on("conversations", (conversation) => {
    if (!conversation?.contact_id || !conversation.updated_at) return;
    const person = recordOf("contacts", conversation.contact_id) ?? conversation.contact;
    if (!person || Date.parse(person.last_message_at ?? 0) >= Date.parse(conversation.updated_at)) return;
    put("contacts", { ...person, last_message_at: conversation.updated_at });
  });
}

function usePeople(text, controls, conversations) {
  const list = usePagedList({
    name: "contacts", path: "/api/contacts", order: (one, other) => CONTACT_ORDERS[sort.peek()].order(one, other), reach: () => controls.current?.reach() ?? 0,
    arrived: (records) => conversations.read(records.map((person) => person.id)),
  });
  const shownOrder = useRef(sort.value);
  useLayoutEffect(() => {
    const words = wordsOf(text);
    const { has } = CONTACT_ORDERS[sort.value];
    controls.current?.toTop();
    if (shownOrder.current !== sort.value) list.clear(); // its rows have another order
    shownOrder.current = sort.value;
    list.ask({ sort: sort.value, search: text }, (person) => has(person) && matchesPerson(words, person));
  }, [sort.value, text]);
  useEffect(() => {
    const stops = [on("merged", list.reload), followLastMessages()];
    return () => { for (const stop of stops) stop(); };
  }, []);
  return list;
}

export function PeopleList() {
  const search = useSearchText();
  const controls = useRef(null);
  const conversations = useContactConversations();
  const list = usePeople(search.text, controls, conversations);
  const accountName = (id) => instances.value.find((instance) => instance.id === id)?.instance_name ?? null;

  function renderItem(person) {
    const found = conversations.of(person.id);
    return html`<${PersonRow} person=${person} conversations=${found.map(({ id, instance_id: account }) => ({ id, account: found.length > 1 ? accountName(account) : null }))} />`;
  }

  const orders = [{ value: "name", label: t("people.byName") }, { value: "last_message_at", label: t("people.byLastContact") }];
  const tools = html`
    <${SearchField} label=${t("people.search")} ...${searchFieldProps(search)} />
    <${Select} label=${t("people.sort")} hideLabel options=${orders} value=${sort.value} onChange=${(value) => { sort.value = value; }} />
  `;
  const header = html`
    <div class="list-head">
      <${PageHeader} title=${t("shell.people")} subtitle=${t("people.subtitle")} actions=${tools} />
      ${can("manage") && html`<${MergeSuggestions} />`}
      <div class="people-columns" aria-hidden="true"><span>${t("people.name")}</span><span>${t("people.number")}</span><span>${t("people.lastContact")}</span><span>${t("people.conversations")}</span></div>
    </div>
  `;
  const empty = search.text
    ? html`<${EmptyState} icon="people" title=${t("people.nobodyFound")} text=${t("people.nobodyFoundText")} />`
    : html`<${EmptyState} icon="people" title=${t("people.noneYet")} text=${t("people.noneYetText")} />`;
  const { order } = CONTACT_ORDERS[sort.value];
  return html`
    <${VirtualList}
      class="view list-page" label=${t("shell.people")} items=${[...list.records()]} keyOf=${(person) => person.id} renderItem=${renderItem} controls=${controls}
      stop=".row" isSamePlace=${(one, other) => order(one, other) === 0} complete=${list.isComplete() || list.isFull()} onNearEnd=${() => list.more()}
      header=${header} footer=${html`<${ListEnd} list=${list} kind="conversation" empty=${empty} />`}
    />
  `;
}
