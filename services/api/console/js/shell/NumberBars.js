// A bar in every view for each number that is not connected.

import { Button } from "../components/Button.js";
import { Banner } from "../components/layout.js";
import { t } from "../language.js";
import { reasonText } from "../network/errors.js";
import { can } from "../network/session.js";
import { html } from "../rendering.js";
import { href, route } from "../router.js";
import { instances } from "../store/signals.js";
import "../words/notices.js";

const ENDED = new Set(["disconnected", "logged_out", "failed"]);
const MAX_BARS = 3;

/** Numbers that were linked once and are not any more; one that is just being linked is none. */
const isCut = (instance) => ENDED.has(instance.status) && Boolean(instance.phone_number || instance.last_connected_at);

function NumberBar({ instance }) {
  const mayLink = can("manage");
  const link = mayLink && html`<${Button} size="small" href=${href("settings", "numbers")}>${t("notices.linkAgain")}</${Button}>`;
  const text = t("notices.notConnected", { name: instance.instance_name });
  return html`<${Banner} tone="bad" icon="wifi-off" class="number-bar" action=${link}>${[text, reasonText(instance.reason), !mayLink && t("notices.askOwner")].filter(Boolean).join(" ")}</${Banner}>`;
}

/** In the settings of the numbers, each card says it already. */
export function NumberBars() {
  const { page, id } = route.value;
  const cut = page === "settings" && (id === "numbers" || !id) ? [] : instances.value.filter(isCut).slice(0, MAX_BARS);
  return html`<div class="bars">${cut.map((instance) => html`<${NumberBar} key=${instance.id} instance=${instance} />`)}</div>`;
}
