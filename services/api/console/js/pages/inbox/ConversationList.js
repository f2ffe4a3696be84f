// The pane with the list of conversations: views, filter by account, search.

import { ErrorState } from "../../components/placeholders.js";
import { IconButton } from "../../components/Button.js";
import { SearchField, Select } from "../../components/Field.js";
import { Tabs } from "../../components/Tabs.js";
import { VirtualList } from "../../components/VirtualList.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { can } from "../../network/session.js";
import { html, useEffect, useLayoutEffect, useRef } from "../../rendering.js";
import { byOrder } from "../../store/order_keys.js";
import { counts, instances, usePagedList } from "../../store/signals.js";
import { on } from "../../store/store.js";
import { setListedConversations } from "./conversation_order.js";
import { ConversationRow, MessageHit, refreshDraftMarks } from "./ConversationRow.js";
import { ListFooter } from "./ListFooter.js";
import { openNewConversation } from "./NewConversation.js";
import { useCountsOfAccount } from "./counts_of_account.js";
import { useListSearch } from "./list_search.js";
import { account, listFilter, view, VIEWS } from "./views.js";

const MORE_RESULTS = 50;
const newestFirst = (one, other) => byOrder(other, one);
const keyOf = (item) => item.key ?? item.id;
const isSamePlace = (one, other) => Boolean(one.kind || other.kind) || byOrder(one, other) === 0;
const canStop = (item) => item.kind !== "title";

function ViewTabs({ onSelect }) {
  const found = useCountsOfAccount(account.value) ?? counts.value.conversations ?? {};
  const items = Object.entries(VIEWS).map(([key, { count }]) => ({ key, label: t(`inbox.view.${key}`), count: found[count] }));
  return html`<${Tabs} label=${t("inbox.views")} items=${items} current=${view.value} onSelect=${onSelect} />`;
}

function AccountFilter() {
  if (instances.value.length < 2) return null;
  const options = [{ value: "", label: t("inbox.allAccounts") }, ...instances.value.map((instance) => ({ value: instance.id, label: instance.instance_name }))];
  return html`<${Select} label=${t("inbox.account")} hideLabel options=${options} value=${account.value} onChange=${(value) => { account.value = value; }} />`;
}

/** The rows of a search: conversations stand above messages, at first a few of them. */
function resultItems({ results, messages }) {
  const items = [...results.records()];
  if (results.state() === "failed" && messages.isActive()) items.push({ kind: "failed", key: "failed", problem: results.problem(), retry: results.retry });
  else if (!results.isComplete() && results.records().length) items.push({ kind: "more", key: "more" });
  const found = messages.records();
  if (found.length) items.push({ kind: "title", key: "title" });
  for (const message of found) items.push({ kind: "message", key: `message ${message.id}`, message, person: messages.personOf(message) });
  return items;
}

/** The list as it is without a search, read again when the view or the account changes. */
function useConversations(openId, controls) {
  const openNow = useRef(openId);
  const before = useRef(openId);
  openNow.current = openId;
  const list = usePagedList({ name: "conversations", path: "/api/conversations", order: newestFirst, reach: () => controls.current?.reach() ?? 0 });
  useLayoutEffect(() => {
    const { query, accepts } = listFilter(view.value, account.value);
    controls.current?.toTop();
    list.ask(query, (conversation) => conversation.id === openNow.current || accepts(conversation));
  }, [view.value, account.value]);
  useLayoutEffect(() => {
    if (before.current && before.current !== openId) list.recheck(before.current);
    if (openId) list.recheck(openId);
    before.current = openId;
    refreshDraftMarks();
  }, [openId]);
  useEffect(() => on("merged", list.reload), []);
  return list;
}

export function ConversationList({ openId }) {
  const controls = useRef(null);
  const conversations = useConversations(openId, controls);
  const search = useListSearch(newestFirst, controls);
  const { results, messages, text } = search;
  const items = text ? resultItems(search) : [...conversations.records()];
  setListedConversations(items.filter((item) => !item.kind).map((item) => item.id));

  const renderers = {
    message: ({ message, person }) => html`<${MessageHit} message=${message} person=${person} />`,
    title: () => html`<h2 class="conversations-title">${t("inbox.messages")}</h2>`,
    more: () => html`<button class="button small more-results" type="button" data-key="more-results" onClick=${() => results.more(MORE_RESULTS)}>${t("inbox.moreConversations")}</button>`,
    failed: ({ problem, retry }) => html`<${ErrorState} problem=${displayError(problem)} onRetry=${retry} />`,
  };
  const renderItem = (item) => (item.kind ? renderers[item.kind](item) : html`<${ConversationRow} conversation=${item} isOpen=${item.id === openId} />`);
  const isComplete = (list) => list.isComplete() || list.isFull();
  const select = (name) => {
    view.value = name;
    search.clear();
  };
  return html`
    <section class="conversations-pane" aria-label=${t("inbox.conversations")}>
      <header>
        <div class="conversations-head"><h1>${t("shell.inbox")}</h1><${AccountFilter} />
          ${can("send") && instances.value.length > 0 && html`<${IconButton} icon="plus" label=${t("inbox.new.title")} onClick=${openNewConversation} />`}</div>
        <${ViewTabs} onSelect=${select} />
        <${SearchField} label=${t("inbox.search")} placeholder=${t("common.search")} value=${search.typed} onInput=${search.type} onKeyUp=${(event) => event.key === "Enter" && search.settle()} />
      </header>
      <${VirtualList}
        class="conversations" label=${t("inbox.conversations")} items=${items} keyOf=${keyOf} renderItem=${renderItem} controls=${controls}
        stop=".conversation, .more-results" canStop=${canStop} isSamePlace=${isSamePlace} currentKey=${openId}
        complete=${text ? !messages.isActive() || isComplete(messages) : isComplete(conversations)}
        onNearEnd=${() => (text ? messages.isActive() && messages.more() : conversations.more())}
        footer=${html`<${ListFooter} conversations=${conversations} search=${search} view=${view.value} />`}
      />
    </section>
  `;
}
