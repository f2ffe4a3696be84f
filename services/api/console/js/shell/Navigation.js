// The rail with names on the desktop, the bar at the bottom on phones.

import { IconButton } from "../components/Button.js";
import { Icon } from "../components/Icon.js";
import { t } from "../language.js";
import { currentSession } from "../network/session.js";
import { changePassword } from "../pages/settings/password.js";
import { html, useState } from "../rendering.js";
import { href, route } from "../router.js";
import { counts, online } from "../store/signals.js";
import { isDark, toggleTheme } from "../theme.js";
import { FIRST_PAGE, PAGES } from "./pages.js";

const MAX_SHOWN_COUNT = 99;

/** The number beside a page, and its words for screen readers. */
function countOf(page) {
  if (page === "inbox") return [counts.value.conversations?.unread ?? 0, "shell.unread"];
  if (page === "bookings") return [counts.value.bookings?.pending ?? 0, "shell.waiting"];
  return [0, null];
}

function NavigationItem({ name, icon }) {
  const [count, words] = countOf(name);
  const isCurrent = (PAGES[route.value.page] ? route.value.page : FIRST_PAGE) === name;
  return html`
    <a class="nav-item" href=${href(name)} data-view=${name} aria-current=${isCurrent ? "page" : null}>
      <${Icon} name=${icon} />
      <span>${t(`shell.${name}`)}</span>
      ${count > 0 && html`<span class="count" data-count=${name} role="img" aria-label=${t(words, { n: count })}>${count > MAX_SHOWN_COUNT ? `${MAX_SHOWN_COUNT}+` : count}</span>`}
    </a>
  `;
}

export function Navigation({ logOut }) {
  const [dark, setDark] = useState(isDark());
  const email = currentSession()?.email;
  const status = online.value ? t("shell.live") : t("shell.reconnecting");
  return html`
    <nav class="nav" aria-label=${t("shell.mainNavigation")}>
      <div class="brand"><img src="/console/icon.svg" alt="" />Switchboard</div>
      <div class="nav-items">${Object.entries(PAGES).filter(([, page]) => page.icon).map(([name, { icon }]) => html`<${NavigationItem} key=${name} name=${name} icon=${icon} />`)}</div>
      <div class="nav-foot">
        <span class=${`connection ${online.value ? "online" : ""}`}>${status}</span>
        <div class="who" title=${email}>${email}</div>
        <div class="nav-tools">
          <${IconButton} icon=${dark ? "sun" : "moon"} label=${t(dark ? "shell.lightColours" : "shell.darkColours")} onClick=${() => { toggleTheme(); setDark(isDark()); }} />
          <${IconButton} icon="key" label=${t("shell.changePassword")} onClick=${changePassword} />
          <${IconButton} icon="logout" label=${t("shell.logOut")} onClick=${logOut} />
        </div>
      </div>
    </nav>
  `;
}
