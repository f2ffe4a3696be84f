// Labelled fields of forms, each with a place for its hint and its error.

import { t } from "../language.js";
import { html, useId, useRef, useState } from "../rendering.js";
import { IconButton } from "./Button.js";
import { Icon } from "./Icon.js";

function Field({ id, label, hint, error, hideLabel, children }) {
  return html`
    <div class="field">
      <label for=${id} class=${hideLabel ? "visually-hidden" : null}>${label}</label>
      ${children}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      <p class="error" id=${`${id}-error`} role="alert">${error ?? ""}</p>
    </div>
  `;
}

const describedBy = (id, hint) => [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");

function useField({ id, name }) {
  const made = useId();
  return id ?? name ?? made;
}

/** `onInput(value)`; `error`: text; other attributes go to the input. */
export function TextField({ label, hint, error, onInput, hideLabel = false, type = "text", children, ...rest }) {
  const id = useField(rest);
  return html`
    <${Field} id=${id} label=${label} hint=${hint} error=${error} hideLabel=${hideLabel}>
      <input dir=${type === "text" ? "auto" : null} ...${rest} class="input" id=${id} type=${type} aria-invalid=${error ? "true" : null} aria-describedby=${describedBy(id, hint)} onInput=${(event) => onInput(event.currentTarget.value)} />
      ${children}
    </${Field}>
  `;
}

export function TextArea({ label, hint, error, onInput, hideLabel = false, rows = 3, ...rest }) {
  const id = useField(rest);
  return html`
    <${Field} id=${id} label=${label} hint=${hint} error=${error} hideLabel=${hideLabel}>
      <textarea dir="auto" ...${rest} class="input" id=${id} rows=${rows} aria-invalid=${error ? "true" : null} aria-describedby=${describedBy(id, hint)} onInput=${(event) => onInput(event.currentTarget.value)} />
    </${Field}>
  `;
}

/** A password, which can be shown. */
export function PasswordField({ label, hint, error, onInput, ...rest }) {
  const id = useField(rest);
  const [isShown, setShown] = useState(false);
  return html`
    <${Field} id=${id} label=${label} hint=${hint} error=${error}>
      <div class="password">
        <input ...${rest} class="input" id=${id} type=${isShown ? "text" : "password"} aria-invalid=${error ? "true" : null} aria-describedby=${describedBy(id, hint)} onInput=${(event) => onInput(event.currentTarget.value)} />
        <button class="link" type="button" aria-pressed=${String(isShown)} onClick=${() => setShown(!isShown)}>${t(isShown ? "components.hidePassword" : "components.showPassword")}</button>
      </div>
    </${Field}>
  `;
}

/** `options`: [{value, label}] */
export function Select({ label, hint, error, options, value, onChange, hideLabel = false, ...rest }) {
  const id = useField(rest);
  return html`
    <${Field} id=${id} label=${label} hint=${hint} error=${error} hideLabel=${hideLabel}>
      <span class="select">
        <select ...${rest} class="input" id=${id} value=${value} aria-invalid=${error ? "true" : null} aria-describedby=${describedBy(id, hint)} onChange=${(event) => onChange(event.currentTarget.value)}>
          ${options.map((option) => html`<option key=${option.value} value=${option.value} selected=${option.value === value}>${option.label}</option>`)}
        </select>
        <${Icon} name="chevron-down" />
      </span>
    </${Field}>
  `;
}

function Toggle({ class: className, role, label, hint, checked, onChange, disabled = false, ...rest }) {
  const id = useField(rest);
  return html`
    <div class=${className}>
      <input ...${rest} type="checkbox" role=${role} id=${id} checked=${checked} disabled=${disabled} aria-describedby=${hint ? `${id}-hint` : null} onChange=${(event) => onChange(event.currentTarget.checked)} />
      <label for=${id}>${label}</label>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    </div>
  `;
}

/** A setting that applies at once. */
export const Switch = (props) => html`<${Toggle} class="switch-field" role="switch" ...${props} />`;

/** A choice that applies when its form is submitted. */
export const Checkbox = (props) => html`<${Toggle} class="checkbox-field" ...${props} />`;

/** A search; Escape clears it. */
export function SearchField({ label, value, onInput, ...rest }) {
  const input = useRef(null);
  const clear = () => {
    onInput("");
    input.current.focus();
  };
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !value) return;
    event.preventDefault();
    event.stopPropagation();
    clear();
  };
  return html`
    <div class="search" role="search" aria-label=${label}>
      <${Icon} name="search" />
      <input ref=${input} class="input" type="search" dir="auto" placeholder=${label} aria-label=${label} maxlength="100" autocomplete="off" ...${rest} value=${value} onInput=${(event) => onInput(event.currentTarget.value)} onKeyDown=${onKeyDown} />
      ${value && html`<${IconButton} icon="close" class="clear-search" label=${t("common.clearSearch")} onClick=${clear} />`}
    </div>
  `;
}
