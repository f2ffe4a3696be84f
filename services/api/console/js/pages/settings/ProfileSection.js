// The user's own settings: name, language, look, notices, password, logins.

import { Button } from "../../components/Button.js";
import { Select, Switch, TextField } from "../../components/Field.js";
import { useForm } from "../../components/form.js";
import { Card, PageHeader } from "../../components/layout.js";
import { toast } from "../../components/Toast.js";
import { LANGUAGE_NAMES, LANGUAGES, t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { html, useState } from "../../rendering.js";
import { changeName, changePreferences, preferences, profile } from "../../store/profile.js";
import { THEME_CHOICES } from "../../theme.js";
import { Logins } from "./Logins.js";
import { PasswordForm } from "./PasswordForm.js";

const change = (part) => changePreferences(part).catch((problem) => toast(problem.message, { tone: "bad" }));

function NameForm() {
  const form = useForm({ name: profile.value.name }, async ({ name }) => {
    await changeName(name.trim());
    toast(t("common.saved"));
  }, ({ name }) => ({ name: name.trim() ? null : t("common.required") }));
  return html`
    <form class="form" novalidate onSubmit=${form.onSubmit}>
      <${TextField} label=${t("settings.name")} name="name" maxlength="80" autocomplete="name" value=${form.values.name} error=${form.errors.name} onInput=${(value) => form.set("name", value)} />
      <p class="error box" role="alert">${form.problem?.message ?? ""}</p>
      <div class="actions start"><${Button} type="submit" busy=${form.isBusy}>${t("common.save")}</${Button}></div>
    </form>
  `;
}

function Appearance() {
  const { language, theme, compact_rows: compact } = preferences.value;
  const languages = [{ value: "", label: t("settings.browserLanguage") }, ...LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))];
  return html`
    <${Card} title=${t("settings.appearance")}>
      <${Select} label=${t("settings.language")} name="language" options=${languages} value=${language ?? ""} onChange=${(value) => change({ language: value || null })} />
      <${Select} label=${t("settings.theme")} name="theme" options=${THEME_CHOICES.map((value) => ({ value, label: t(`settings.theme.${value}`) }))} value=${theme} onChange=${(value) => change({ theme: value })} />
      <${Switch} label=${t("settings.compactRows")} name="compact_rows" checked=${compact} onChange=${(value) => change({ compact_rows: value })} />
      <${Switch} label=${t("settings.shortcuts")} name="shortcuts" hint=${t("settings.shortcutsHint")} checked=${preferences.value.shortcuts} onChange=${(value) => change({ shortcuts: value })} />
    </${Card}>
  `;
}

/** Asks the browser for its permission; without it there are no notifications. */
async function switchNotifications(wanted, setProblem) {
  setProblem("");
  if (wanted && !("Notification" in globalThis)) return void setProblem(t("settings.noNotifications"));
  if (wanted && (await Notification.requestPermission()) !== "granted") return void setProblem(t("settings.notificationsDenied"));
  await change({ desktop_notifications: wanted });
}

function QuietHours() {
  const { quiet_from: from, quiet_until: until } = preferences.value;
  const [draft, setDraft] = useState({ from: from ?? "22:00", until: until ?? "07:00" });
  const isOn = from !== null && until !== null;
  const save = (next) => {
    setDraft(next);
    if (next.from && next.until && next.from !== next.until) change({ quiet_from: next.from, quiet_until: next.until });
  };
  return html`
    <${Switch} label=${t("settings.quietHours")} name="quiet_hours" hint=${t("settings.quietHoursHint")} checked=${isOn} onChange=${(value) => change(value ? { quiet_from: draft.from, quiet_until: draft.until } : { quiet_from: null, quiet_until: null })} />
    ${isOn && html`
      <div class="field-pair">
        <${TextField} label=${t("settings.quietFrom")} name="quiet_from" type="time" value=${draft.from} onInput=${(value) => save({ ...draft, from: value })} />
        <${TextField} label=${t("settings.quietUntil")} name="quiet_until" type="time" value=${draft.until} onInput=${(value) => save({ ...draft, until: value })} />
      </div>
    `}
  `;
}

function Notifications() {
  const [problem, setProblem] = useState("");
  return html`
    <${Card} title=${t("settings.notifications")}>
      <${Switch} label=${t("settings.sound")} name="sound" checked=${preferences.value.sound} onChange=${(value) => change({ sound: value })} />
      <${Switch} label=${t("settings.desktopNotifications")} name="desktop_notifications" checked=${preferences.value.desktop_notifications} onChange=${(value) => switchNotifications(value, setProblem).catch((thrown) => setProblem(displayError(thrown).message))} />
      <p class="error" role="alert">${problem}</p>
      <${QuietHours} />
    </${Card}>
  `;
}

export function ProfileSection() {
  return html`
    <div class="page">
      <${PageHeader} title=${t("settings.profile")} subtitle=${profile.value?.email} />
      ${profile.value && html`<${Card} title=${t("settings.name")}><${NameForm} key=${profile.value.id} /></${Card}>`}
      <${Appearance} />
      <${Notifications} />
      <${Card} title=${t("settings.password")}><${PasswordForm} /></${Card}>
      <${Logins} />
    </div>
  `;
}
