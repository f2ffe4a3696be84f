// Who changed what, when, from where.

import { Button } from "../../components/Button.js";
import { Select } from "../../components/Field.js";
import { PageHeader } from "../../components/layout.js";
import { EmptyState, ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { Table } from "../../components/Table.js";
import { Time } from "../../components/Time.js";
import { hasWords, t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { useLoaded } from "./useLoaded.js";
import "../../words/audit_actions.js";
import "../../words/developer_settings.js";

const PAGE = 50;

/** Actions without words keep the name that the API gives them. */
const actionName = (action) => (hasWords(`audit.${action}`) ? t(`audit.${action}`) : action.replaceAll("_", " "));

function useAuditPages(actor) {
  const [state, setState] = useState({ entries: null, cursor: null, problem: null, isBusy: false });
  const request = useRef(0);
  async function read(cursor = null) {
    request.current += 1;
    const own = request.current;
    setState((current) => ({ ...current, isBusy: true, problem: null }));
    try {
      const answer = await get("/api/audit", { limit: PAGE, cursor, actor });
      if (own !== request.current) return;
      setState((current) => ({ entries: cursor ? [...current.entries, ...answer.data] : answer.data, cursor: answer.next_cursor, problem: null, isBusy: false }));
    } catch (thrown) {
      if (own === request.current) setState((current) => ({ ...current, problem: displayError(thrown), isBusy: false }));
    }
  }
  useEffect(() => {
    setState({ entries: null, cursor: null, problem: null, isBusy: true });
    read();
    return () => { request.current += 1; };
  }, [actor]);
  return { ...state, more: () => read(state.cursor), retry: () => read(state.entries ? state.cursor : null) };
}

export function AuditSection() {
  const [actor, setActor] = useState("");
  const users = useLoaded(() => get("/api/users")).data?.data ?? [];
  const { entries, cursor, problem, isBusy, more, retry } = useAuditPages(actor || null);
  const names = new Map(users.map((user) => [user.id, user.name]));
  const actorName = (entry) => names.get(entry.actor) ?? (entry.actor.startsWith("key:") ? t("settings.apiKey") : t("common.formerUser"));
  const columns = [
    { key: "at", title: t("settings.auditWhen"), render: (entry) => html`<${Time} at=${entry.at} format="dateTime" />` },
    { key: "actor", title: t("settings.auditWho"), render: (entry) => html`<span dir="auto">${actorName(entry)}</span>` },
    { key: "action", title: t("settings.auditWhat"), render: (entry) => actionName(entry.action) },
    { key: "target", title: t("settings.auditTarget"), render: (entry) => html`<code class="small">${Object.values(entry.target ?? {}).join(", ")}</code>` },
    { key: "address", title: t("settings.auditAddress"), render: (entry) => entry.address },
  ];
  return html`
    <div class="page">
      <${PageHeader} title=${t("settings.audit")} subtitle=${t("settings.auditText")} />
      <${Select} label=${t("settings.auditWho")} name="actor" options=${[{ value: "", label: t("settings.everybody") }, ...users.map((user) => ({ value: user.id, label: user.name }))]} value=${actor} onChange=${setActor} />
      ${!entries && !problem && html`<${SkeletonRows} count=${6} />`}
      ${entries?.length === 0 && html`<${EmptyState} icon="shield" title=${t("settings.auditEmpty")} text=${t("settings.auditEmptyText")} />`}
      ${entries?.length > 0 && html`<${Table} label=${t("settings.audit")} columns=${columns} rows=${entries} keyOf=${(entry) => entry.id} />`}
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${retry} />`}
      ${entries && cursor && !problem && html`<div class="actions start"><${Button} busy=${isBusy} onClick=${more}>${t("settings.loadMore")}</${Button}></div>`}
    </div>
  `;
}
