// A page with every component in every state. `#section=<name>` shows one section, `theme=` and `language=` choose those.

import { DialogHost } from "../components/Dialog.js";
import { Select } from "../components/Field.js";
import { Toasts } from "../components/Toast.js";
import { loadFonts } from "../fonts.js";
import { timeZone } from "../formats.js";
import { LANGUAGES, LANGUAGE_NAMES, chooseLanguage, language } from "../language.js";
import { html, render, signal, useEffect } from "../rendering.js";
import { THEME_CHOICES, followTheme, themeChoice } from "../theme.js";
import "../words/common.js";
import "../words/components.js";
import { Avatars, Badges, Layout, OtherScripts, Placeholders, Tables } from "./content.js";
import { Buttons, Icons, TabLists } from "./controls.js";
import { Choices, Forms, TextFields } from "./fields.js";
import { Overlays } from "./overlays.js";
import { config } from "../store/config.js";

config.value = { ...config.value, profile_pictures: true };

const SECTIONS = {
  buttons: Buttons, icons: Icons, tabs: TabLists, "text-fields": TextFields, choices: Choices, forms: Forms, avatars: Avatars, badges: Badges,
  layout: Layout, tables: Tables, placeholders: Placeholders, overlays: Overlays, "other-scripts": OtherScripts,
};

const readHash = () => new URLSearchParams(location.hash.slice(1));
const wanted = signal(readHash());
addEventListener("hashchange", () => { wanted.value = readHash(); });

function choose(name, value) {
  const next = readHash();
  next.set(name, value);
  location.hash = next;
}

const asOptions = (values, labels = {}) => values.map((value) => ({ value, label: labels[value] ?? value }));

function Gallery() {
  const section = wanted.value.get("section");
  const theme = wanted.value.get("theme");
  const chosenLanguage = wanted.value.get("language");
  useEffect(() => { if (THEME_CHOICES.includes(theme)) themeChoice.value = theme; }, [theme]);
  useEffect(() => { if (chosenLanguage) chooseLanguage(chosenLanguage); }, [chosenLanguage]);
  useEffect(() => { document.documentElement.lang = language.value; }, [language.value]);
  const shown = Object.entries(SECTIONS).filter(([name]) => !section || name === section);
  return html`
    <div class="view">
      <main class="gallery">
        <header class="gallery-head">
          <h1>Components</h1>
          <${Select} id="gallery-section" label="Section" options=${[{ value: "", label: "all" }, ...asOptions(Object.keys(SECTIONS))]} value=${section ?? ""} onChange=${(value) => choose("section", value)} />
          <${Select} id="gallery-theme" label="Theme" options=${asOptions(THEME_CHOICES)} value=${themeChoice.value} onChange=${(value) => choose("theme", value)} />
          <${Select} id="gallery-language" label="Language" options=${asOptions(LANGUAGES, LANGUAGE_NAMES)} value=${language.value} onChange=${(value) => choose("language", value)} />
        </header>
        ${shown.map(([name, Section]) => html`<section key=${name} class="gallery-section" data-section=${name} aria-label=${name}><h2>${name}</h2><${Section} /></section>`)}
      </main>
    </div>
    <${DialogHost} /><${Toasts} />
  `;
}

timeZone.value = "America/Sao_Paulo";
followTheme();
loadFonts();
render(html`<${Gallery} />`, document.getElementById("app"));
