// Ctrl+K: finds conversations, people, pages and commands, with the keyboard alone.

import { Dialog, openDialog } from "../components/Dialog.js";
import { Icon } from "../components/Icon.js";
import { t } from "../language.js";
import { displayError } from "../network/errors.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../rendering.js";
import { localEntries, searchEntries } from "./palette_entries.js";

const DEBOUNCE_MS = 200;
const MAX_CHARACTERS = 100;

/** What the server finds for the text, a moment after the last key. */
function useFound(text) {
  const [state, setState] = useState({ found: [], isLoading: false, problem: null });
  useEffect(() => {
    if (!text) return void setState({ found: [], isLoading: false, problem: null });
    const request = new AbortController();
    setState((current) => ({ ...current, isLoading: true, problem: null }));
    const timer = setTimeout(() => {
      searchEntries(text, request.signal).then(
        (found) => { if (!request.signal.aborted) setState({ found, isLoading: false, problem: null }); },
        (thrown) => { if (!request.signal.aborted) setState({ found: [], isLoading: false, problem: displayError(thrown) }); },
      );
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      request.abort();
    };
  }, [text]);
  return state;
}

function Option({ entry, id, isCurrent, onChoose }) {
  const element = useRef(null);
  useLayoutEffect(() => { if (isCurrent) element.current.scrollIntoView({ block: "nearest" }); }, [isCurrent]);
  const dir = entry.isStranger ? "auto" : null;
  return html`
    <li ref=${element} id=${id} role="option" aria-selected=${String(isCurrent)} class="palette-option" onClick=${onChoose}>
      <${Icon} name=${entry.icon ?? "more"} />
      <span class="palette-label" dir=${dir}>${entry.label}</span>
      ${entry.detail && html`<span class="palette-detail muted small" dir=${dir}>${entry.detail}</span>`}
    </li>
  `;
}

/** The state of the search in words, which a screen reader says. */
function Status({ state, count }) {
  if (state.problem) return html`<p class="error box" role="alert">${state.problem.message}</p>`;
  return html`<p class="muted small" role="status">${state.isLoading ? t("common.loading") : count ? t("shortcuts.results", { n: count }) : t("shortcuts.nothingFound")}</p>`;
}

const GROUPS = ["conversations", "people", "pages", "commands"];

function CommandPalette({ logOut, onClose }) {
  const [typed, setTyped] = useState("");
  const [current, setCurrent] = useState(0);
  const text = typed.trim();
  const state = useFound(text);
  const all = [...state.found, ...localEntries(text, { logOut })];
  const entries = GROUPS.flatMap((group) => all.filter((entry) => entry.group === group));
  const at = Math.min(current, entries.length - 1);
  const choose = (entry) => {
    onClose();
    entry.run();
  };
  const onKeyDown = (event) => {
    if (event.isComposing) return;
    const to = { ArrowDown: (at + 1) % entries.length, ArrowUp: (at - 1 + entries.length) % entries.length }[event.key];
    if (Number.isInteger(to)) {
      event.preventDefault();
      setCurrent(to);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (entries[at] && !state.isLoading) choose(entries[at]);
    }
  };
  const optionId = (entry) => `palette-${entry.key}`;
  const onInput = (event) => {
    setTyped(event.currentTarget.value);
    setCurrent(0);
  };
  return html`
    <${Dialog} title=${t("shortcuts.palette")} onClose=${onClose} class="palette">
      <input class="input" type="text" role="combobox" dir="auto" autofocus aria-label=${t("shortcuts.paletteField")} placeholder=${t("shortcuts.paletteField")} maxlength=${MAX_CHARACTERS} autocomplete="off" spellcheck=${false} aria-expanded="true" aria-autocomplete="list" aria-controls="palette-options" aria-activedescendant=${entries[at] ? optionId(entries[at]) : null} value=${typed} onInput=${onInput} onKeyDown=${onKeyDown} />
      <${Status} state=${state} count=${entries.length} />
      <ul id="palette-options" role="listbox" aria-label=${t("shortcuts.palette")} class="palette-options">
        ${entries.map((entry, index) => html`
          ${entries[index - 1]?.group !== entry.group && html`<li key=${`group-${entry.group}`} role="presentation" class="palette-group muted small">${t(`shortcuts.group.${entry.group}`)}</li>`}
          <${Option} key=${entry.key} id=${optionId(entry)} entry=${entry} isCurrent=${index === at} onChoose=${() => choose(entry)} />
        `)}
      </ul>
    </${Dialog}>
  `;
}

export const openPalette = (logOut) => openDialog((close) => html`<${CommandPalette} logOut=${logOut} onClose=${close} />`);
