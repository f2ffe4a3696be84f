// Where the user is logged in.

import { Badge } from "../../components/Badge.js";
import { Button } from "../../components/Button.js";
import { confirm } from "../../components/Dialog.js";
import { Card } from "../../components/layout.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { get, post, remove } from "../../network/rest.js";
import { html } from "../../rendering.js";
import { useLoaded } from "./useLoaded.js";

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Macintosh", "macOS"], ["Linux", "Linux"]];
const MAX_UNKNOWN_CHARACTERS = 60;

/** "Firefox, Linux" of a user agent. */
function deviceOf(agent) {
  if (!agent) return t("settings.unknownDevice");
  const found = [BROWSERS, SYSTEMS].map((names) => names.find(([part]) => agent.includes(part))?.[1]).filter(Boolean);
  return found.length ? found.join(", ") : agent.slice(0, MAX_UNKNOWN_CHARACTERS);
}

function LoginRow({ login, onEnd }) {
  return html`
    <li class="setting-row">
      <div class="main">
        <strong>${deviceOf(login.user_agent)}</strong>
        <span class="muted small">${login.address_network ?? ""} · ${t("settings.lastUsed")} <${Time} at=${login.last_used_at} format="dateTime" /></span>
      </div>
      ${login.is_current ? html`<${Badge} tone="ok">${t("settings.thisDevice")}</${Badge}>` : html`<${Button} size="small" onClick=${() => onEnd(login)}>${t("settings.endLogin")}</${Button}>`}
    </li>
  `;
}

export function Logins() {
  const { data, problem, reload } = useLoaded(() => get("/api/auth/logins", { limit: 50 }));
  const end = async (login) => {
    const run = () => remove(`/api/auth/logins/${encodeURIComponent(login.id)}`);
    if (await confirm({ title: t("settings.endLoginTitle"), text: t("settings.endLoginText", { device: deviceOf(login.user_agent) }), action: t("settings.endLogin"), danger: true, run })) reload();
  };
  const endOthers = async () => {
    if (await confirm({ title: t("settings.endOthersTitle"), text: t("settings.endOthersText"), action: t("settings.endOthers"), danger: true, run: () => post("/api/auth/logins/end-others") })) reload();
  };
  const others = data?.data.filter((login) => !login.is_current) ?? [];
  return html`
    <${Card} title=${t("settings.logins")} actions=${others.length > 0 && html`<${Button} size="small" onClick=${endOthers}>${t("settings.endOthers")}</${Button}>`}>
      ${problem && html`<${ErrorState} problem=${problem} onRetry=${reload} />`}
      ${!data && !problem && html`<${SkeletonRows} count=${2} />`}
      ${data && html`<ul class="setting-rows">${data.data.map((login) => html`<${LoginRow} key=${login.id} login=${login} onEnd=${end} />`)}</ul>`}
    </${Card}>
  `;
}
