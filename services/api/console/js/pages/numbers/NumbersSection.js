// The WhatsApp accounts of the organization: one card each, live.

import { Button } from "../../components/Button.js";
import { openDialog } from "../../components/Dialog.js";
import { PageHeader } from "../../components/layout.js";
import { EmptyState, SkeletonRows } from "../../components/placeholders.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { can } from "../../network/session.js";
import { html, useState } from "../../rendering.js";
import { startSimulator } from "../../simulator/simulator.js";
import { config, instances, instancesLoaded } from "../../store/signals.js";
import { AccountCard } from "./AccountCard.js";
import { AddDialog } from "./AccountDialogs.js";
import "../../words/accounts.js";

const newestFirst = (one, other) => other.created_at?.localeCompare(one.created_at ?? "") ?? 0;

function SimulateButton() {
  const [isBusy, setBusy] = useState(false);
  const start = async () => {
    setBusy(true);
    await startSimulator().catch((problem) => toast(displayError(problem).message, { tone: "bad" }));
    setBusy(false);
  };
  return html`<${Button} icon="play" data-key="simulate" busy=${isBusy} onClick=${start}>${t("accounts.simulate")}</${Button}>`;
}

export function NumbersSection() {
  const list = instances.value.toSorted(newestFirst);
  const mayManage = can("manage");
  const tools = mayManage && html`
    ${config.value.simulator && html`<${SimulateButton} />`}
    <${Button} variant="primary" icon="plus" onClick=${() => openDialog((close) => html`<${AddDialog} onClose=${close} />`)}>${t("accounts.add")}</${Button}>
  `;
  const isEmpty = instancesLoaded.value && list.length === 0;
  return html`
    <div class="page">
      <${PageHeader} title=${t("accounts.title")} subtitle=${t("accounts.subtitle")} actions=${list.length > 0 && tools} />
      ${!instancesLoaded.value && html`<${SkeletonRows} kind="card" count=${2} />`}
      ${isEmpty && html`
        <div class="card first"><${EmptyState} icon="phone" title=${t("accounts.first")} text=${t(config.value.simulator ? "accounts.firstTextSimulator" : "accounts.firstText")}><div class="actions center">${tools}</div></${EmptyState}></div>
      `}
      <div class="cards">${list.map((instance) => html`<${AccountCard} key=${instance.id} instance=${instance} mayManage=${mayManage} />`)}</div>
    </div>
  `;
}
