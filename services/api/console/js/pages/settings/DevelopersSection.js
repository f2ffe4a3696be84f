// For who connects programs: API keys, live events, messages that wait, messages that could not be handled.

import { Card, PageHeader } from "../../components/layout.js";
import { t } from "../../language.js";
import { html } from "../../rendering.js";
import { ApiKeys } from "./ApiKeys.js";
import { DeadLetters } from "./DeadLetters.js";
import { LiveEvents } from "./LiveEvents.js";
import { StuckMessages } from "./StuckMessages.js";
import "../../words/developer_settings.js";

const DOCUMENTS = [["/docs", "settings.docsRest"], ["/docs/events", "settings.docsEvents"], ["/openapi.json", "settings.docsOpenApi"], ["/asyncapi.json", "settings.docsAsyncApi"]];

export function DevelopersSection() {
  return html`
    <div class="page">
      <${PageHeader} title=${t("settings.developers")} />
      <${ApiKeys} />
      <${Card} title=${t("settings.documentation")}>
        <ul class="setting-rows">${DOCUMENTS.map(([path, words]) => html`<li key=${path} class="setting-row"><a href=${path} target="_blank" rel="noopener">${t(words)}</a></li>`)}</ul>
      </${Card}>
      <${LiveEvents} />
      <${StuckMessages} />
      <${DeadLetters} />
    </div>
  `;
}
