// Messages between the services that could not be handled: replay them after the cause is fixed, or delete them.

import { Button } from "../../components/Button.js";
import { Dialog, confirm, openDialog } from "../../components/Dialog.js";
import { Card } from "../../components/layout.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { Time } from "../../components/Time.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get, post, remove } from "../../network/rest.js";
import { html, useState } from "../../rendering.js";
import { useLoaded } from "./useLoaded.js";

const pathOf = ({ sequence }) => `/api/admin/dead-letters/${sequence}`;

function BodyDialog({ letter, onClose }) {
  const { data, problem, reload } = useLoaded(() => get(pathOf(letter)));
  return html`
    <${Dialog} title=${letter.kind} onClose=${onClose}>
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${data && html`<pre class="code-block" tabindex="0">${JSON.stringify(data.data.body, null, 2)}</pre>`}
    </${Dialog}>
  `;
}

function LetterRow({ letter, reload }) {
  const [isBusy, setBusy] = useState(false);
  const replay = async () => {
    setBusy(true);
    try {
      await post(`${pathOf(letter)}/replay`);
      toast(t("settings.replayed"));
    } catch (thrown) {
      toast(displayError(thrown).message, { tone: "bad" });
    }
    setBusy(false);
    reload();
  };
  const drop = async () => {
    if (await confirm({ title: t("settings.dropTitle"), text: t("settings.dropText"), action: t("common.delete"), danger: true, run: () => remove(pathOf(letter)) })) reload();
  };
  return html`
    <li class="setting-row">
      <div class="main">
        <button class="link" type="button" onClick=${() => openDialog((close) => html`<${BodyDialog} letter=${letter} onClose=${close} />`)}>${letter.kind}</button>
        <span class="muted small">${letter.error}</span>
        <span class="muted small"><${Time} at=${letter.died_at} format="dateTime" /> · ${letter.address}</span>
      </div>
      ${letter.complete && html`<${Button} size="small" busy=${isBusy} onClick=${replay}>${t("settings.replay")}</${Button}>`}
      <${Button} size="small" onClick=${drop}>${t("common.delete")}</${Button}>
    </li>
  `;
}

export function DeadLetters() {
  const { data, problem, reload } = useLoaded(() => get("/api/admin/dead-letters", { limit: 50 }));
  return html`
    <${Card} title=${t("settings.deadLetters")}>
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${!data && !problem && html`<${SkeletonRows} count=${2} />`}
      ${data?.data.length === 0 && html`<p class="muted">${t("settings.noDeadLetters")}</p>`}
      ${data?.data.length > 0 && html`<ul class="setting-rows">${data.data.map((letter) => html`<${LetterRow} key=${letter.sequence} letter=${letter} reload=${reload} />`)}</ul>`}
    </${Card}>
  `;
}
