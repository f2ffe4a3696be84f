// Outbound messages that wait for too long.

import { Card } from "../../components/layout.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { StrangerText } from "../../components/StrangerText.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { get } from "../../network/rest.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";
import { useLoaded } from "./useLoaded.js";

export function StuckMessages() {
  const { data, problem, reload } = useLoaded(() => get("/api/messages", { stuck: "true", limit: 50 }));
  return html`
    <${Card} title=${t("settings.stuck")}>
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${!data && !problem && html`<${SkeletonRows} count=${2} />`}
      ${data?.data.length === 0 && html`<p class="muted">${t("settings.noStuck")}</p>`}
      ${data?.data.length > 0 && html`
        <ul class="setting-rows">
          ${data.data.map((message) => html`
            <li key=${message.id} class="setting-row"><div class="main"><a href=${href("inbox", message.conversation_id, message.id)}><${StrangerText} text=${message.text ?? message.type} /></a><span class="muted small"><${Time} at=${message.timestamp} format="dateTime" /></span></div></li>
          `)}
        </ul>
      `}
    </${Card}>
  `;
}
