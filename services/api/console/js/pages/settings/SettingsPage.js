// The settings: sections at the side on the desktop, a list of its own on phones.

import { Icon } from "../../components/Icon.js";
import { lazy } from "../../components/lazy.js";
import { can } from "../../network/session.js";
import { html } from "../../rendering.js";
import { href } from "../../router.js";
import { t } from "../../language.js";
import "../../words/settings.js";

/** By the second segment of the address. `scope`: what a role needs to see the section. */
const SECTIONS = {
  profile: { icon: "user", Section: lazy(() => import("./ProfileSection.js"), "ProfileSection") },
  team: { icon: "users", scope: "manage", Section: lazy(() => import("./TeamSection.js"), "TeamSection") },
  numbers: { icon: "phone", Section: lazy(() => import("../numbers/NumbersSection.js"), "NumbersSection") },
  organization: { icon: "building", scope: "manage", Section: lazy(() => import("./OrganizationSection.js"), "OrganizationSection") },
  developers: { icon: "code", scope: "manage", Section: lazy(() => import("./DevelopersSection.js"), "DevelopersSection") },
  audit: { icon: "shield", scope: "manage", Section: lazy(() => import("./AuditSection.js"), "AuditSection") },
};
const FIRST_SECTION = "profile";

export function SettingsPage({ id, part }) {
  const visible = Object.entries(SECTIONS).filter(([, { scope }]) => !scope || can(scope));
  const isKnown = visible.some(([name]) => name === id);
  const current = isKnown ? id : FIRST_SECTION;
  const { Section } = SECTIONS[current];
  return html`
    <div class=${`settings ${isKnown ? "has-section" : ""}`}>
      <nav class="settings-nav" aria-label=${t("settings.title")}>
        <h1>${t("settings.title")}</h1>
        ${visible.map(([name, { icon }]) => html`
          <a key=${name} class="nav-item" href=${href("settings", name)} aria-current=${name === current ? "page" : null}><${Icon} name=${icon} /><span>${t(`settings.${name}`)}</span><${Icon} name="chevron-right" /></a>
        `)}
      </nav>
      <div class="settings-section view" key=${current}>
        <a class="settings-back" href=${href("settings")}><${Icon} name="back" />${t("settings.title")}</a>
        <${Section} id=${current} part=${part} />
      </div>
    </div>
  `;
}
