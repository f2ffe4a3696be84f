// All keyboard shortcuts.

import { Dialog, openDialog } from "../components/Dialog.js";
import { Kbd } from "../components/layout.js";
import { hasWords, t } from "../language.js";
import { html } from "../rendering.js";
import { href } from "../router.js";
import { preferences } from "../store/profile.js";
import { SHORTCUTS } from "./shortcuts.js";

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const SYMBOLS = { ArrowDown: "↓", ArrowUp: "↑", Mod: isMac ? "⌘" : null, Alt: isMac ? "⌥" : "Alt" };

function nameOfKey(key) {
  if (SYMBOLS[key]) return SYMBOLS[key];
  const words = `shortcuts.key.${key}`;
  return hasWords(words) ? t(words) : key.toUpperCase();
}

/** "Mod+k" → Ctrl K; "g i" → G, then I */
function Keys({ keys }) {
  return keys.split(" ").map((chord, at) => html`${at > 0 && html` ${t("shortcuts.then")} `}${chord.split("+").map((key) => html`<${Kbd}>${nameOfKey(key)}</${Kbd}> `)}`);
}

function ShortcutsDialog({ onClose }) {
  return html`
    <${Dialog} title=${t("shortcuts.title")} onClose=${onClose} class="shortcuts">
      <dl class="shortcut-list">
        ${Object.entries(SHORTCUTS).map(([name, alternatives]) => html`
          <div key=${name}>
            <dt>${t(`shortcuts.${name}`)}</dt>
            <dd>${alternatives.map((keys, at) => html`${at > 0 && html` ${t("shortcuts.or")} `}<${Keys} keys=${keys} />`)}</dd>
          </div>
        `)}
      </dl>
      <p class="muted small">${t(preferences.value.shortcuts ? "shortcuts.notWhileTyping" : "shortcuts.switchedOff")} <a href=${href("settings", "profile")} onClick=${onClose}>${t("shortcuts.toSettings")}</a></p>
    </${Dialog}>
  `;
}

export const openShortcuts = () => openDialog((close) => html`<${ShortcutsDialog} onClose=${close} />`);
