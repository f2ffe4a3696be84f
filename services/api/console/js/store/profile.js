// The user's profile: who they are, and their preferences, which the server keeps for all their devices.

import { signal } from "@preact/signals";
import { timeZone } from "../formats.js";
import { chooseLanguage, chosenLanguage } from "../language.js";
import { displayError } from "../network/errors.js";
import { get, patch } from "../network/rest.js";
import { themeChoice } from "../theme.js";

const STORAGE_KEY = "switchboard.preferences";
const DEFAULTS = {
  language: null, sound: true, desktop_notifications: false, quiet_from: null, quiet_until: null,
  shortcuts: true, compact_rows: false, theme: "system", tour_finished: false,
};

function storedPreferences() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

function storePreferences(value) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(value));
  } catch {
    // storage is forbidden: the server has them
  }
}

/** {id, email, name, role, scopes, organization_id, organization_name}; null: not read yet. */
export const profile = signal(null);

/** Those of the last visit until the server has answered. */
export const preferences = signal({ ...DEFAULTS, ...storedPreferences() });

/** The organization with its settings; null: not read yet. */
export const organization = signal(null);

function apply(changed) {
  preferences.value = { ...DEFAULTS, ...changed };
  storePreferences(preferences.value);
  chooseLanguage(preferences.value.language);
  themeChoice.value = preferences.value.theme;
  document.documentElement.dataset.density = preferences.value.compact_rows ? "compact" : "normal";
}

function takeProfile({ data }) {
  profile.value = data;
  if (pendingChanges > 0) return;
  const chosenBeforeLogin = data.preferences.language === null ? chosenLanguage.value : null;
  apply({ ...data.preferences, language: data.preferences.language ?? chosenBeforeLogin });
  if (chosenBeforeLogin) changePreferences({ language: chosenBeforeLogin }).catch(() => {}); // tried again at the next visit
}

/** How many changes the server has not answered: an answer must not take back a later change. */
let pendingChanges = 0;

/** Reads the profile and the organization. An error leaves the values of the last visit. */
export async function loadProfile() {
  document.documentElement.dataset.density = preferences.value.compact_rows ? "compact" : "normal";
  const [ownProfile, ownOrganization] = await Promise.allSettled([get("/api/me"), get("/api/organization")]);
  if (ownProfile.status === "fulfilled" && ownProfile.value.data?.preferences) takeProfile(ownProfile.value);
  if (ownOrganization.status === "fulfilled") takeOrganization(ownOrganization.value.data);
}

/** The organization as the server answered it. */
export function takeOrganization(found) {
  organization.value = found ?? null;
  timeZone.value = found?.settings?.time_zone ?? found?.settings?.opening_hours?.time_zone ?? null;
}

/** Changes preferences at once, and at the server. A refused change is taken back. Throws an error whose message may be shown. */
export async function changePreferences(part) {
  const before = Object.fromEntries(Object.keys(part).map((name) => [name, preferences.value[name]]));
  apply({ ...preferences.value, ...part });
  pendingChanges += 1;
  try {
    const answer = await patch("/api/me", { preferences: part });
    profile.value = answer.data;
  } catch (thrown) {
    apply({ ...preferences.value, ...before });
    throw displayError(thrown);
  } finally {
    pendingChanges -= 1;
  }
}

export async function changeName(name) {
  takeProfile(await patch("/api/me", { name }));
}

/** At the end of a session; the next user may be another one. */
export function clearProfile() {
  profile.value = null;
  organization.value = null;
}
