// The frame of the pages before the login: the brand, a title, and the choice of a language.

import { Select } from "../../components/Field.js";
import { chooseLanguage, language, LANGUAGE_NAMES, LANGUAGES, t } from "../../language.js";
import { html, useEffect, useLayoutEffect, useRef } from "../../rendering.js";
import "../../words/login.js";

const OPTIONS = LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }));

const LanguageChoice = () => html`<${Select} label=${t("login.language")} hideLabel name="language" options=${OPTIONS} value=${language.value} onChange=${chooseLanguage} />`;

/** The first field gets the focus, else the title, so that a screen reader says what is shown now. */
export function LoginCard({ title, text = null, children, isBusy = false }) {
  const card = useRef(null);
  useEffect(() => {
    document.title = `${title} · Switchboard`;
  }, [title]);
  useLayoutEffect(() => {
    (card.current.querySelector("form input:not([readonly])") ?? card.current.querySelector("h1")).focus();
  }, [isBusy]);
  return html`
    <main class="login">
      <div class="login-card" ref=${card} aria-busy=${isBusy ? "true" : null}>
        <div class="login-head"><div class="brand"><img src="/console/icon.svg" alt="" />Switchboard</div><${LanguageChoice} /></div>
        <div><h1 tabindex="-1">${title}</h1>${text && html`<p class="muted">${text}</p>`}</div>
        ${children}
      </div>
    </main>
  `;
}

/** What could not be done, above the button. */
export const Problem = ({ text }) => html`<p class="error box" role="alert">${text ?? ""}</p>`;

/** A line below the form that leads to another page. */
export const Switch = ({ text = null, label, onClick }) => html`<p class="switch">${text} <button class="link" type="button" onClick=${onClick}>${label}</button></p>`;

/** {name: text} for what is empty. */
export const requiredFields = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => !value.trim()).map(([name]) => [name, t("common.required")]));

/** Without blanks around what was typed; a password stays as it is. */
export const trimmed = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, name === "password" ? value : value.trim()]));
