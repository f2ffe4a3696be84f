// Keyboard shortcuts: what there is, and which action a page gives to each. None fires while one types or a dialog is open.

import { hasOpenDialog } from "../components/Dialog.js";
import { useEffect } from "../rendering.js";
import { preferences } from "../store/profile.js";
import "../words/shortcuts.js";

/** By name, whose words are `shortcuts.<name>`: the keys, any of which does it. "g i": one after the other. "Mod": Ctrl, or ⌘ on a Mac. */
export const SHORTCUTS = {
  help: ["?"],
  palette: ["Mod+k"],
  search: ["/"],
  nextConversation: ["j", "Alt+ArrowDown"],
  previousConversation: ["k", "Alt+ArrowUp"],
  assignToMe: ["a"],
  closeAndNext: ["e"],
  goToInbox: ["g i"],
  goToBookings: ["g b"],
  goToPeople: ["g p"],
  goToSettings: ["g s"],
};

const SEQUENCE_MS = 1_500;
const NO_TEXT_INPUTS = new Set(["button", "checkbox", "radio", "submit", "reset", "range", "color", "file"]);

/** By name: the actions of the mounted components, the newest last. */
const actions = new Map();

/** Gives the shortcut this action while the component is shown; an action of a component that was mounted later goes first. */
export function useShortcut(name, action) {
  useEffect(() => {
    const entry = { action };
    actions.set(name, [...(actions.get(name) ?? []), entry]);
    return () => actions.set(name, actions.get(name).filter((other) => other !== entry));
  });
}

function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !NO_TEXT_INPUTS.has(target.type);
}

const isMenuOpen = () => document.querySelector('[role="menu"]') !== null;

/** "Mod+k", "Alt+ArrowDown", "?"; null: a key that only changes others. */
function keyOf(event) {
  if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.getModifierState("AltGraph")) return key; // types a character on some keyboards
  return [(event.ctrlKey || event.metaKey) && "Mod", event.altKey && "Alt", key].filter(Boolean).join("+");
}

/** Listens to the keyboard. → a function that stops it */
export function followShortcuts() {
  let before = null;
  let beforeAt = 0;

  function onKeyDown(event) {
    if (event.defaultPrevented || event.isComposing || !preferences.value.shortcuts) return;
    if (isTyping(event.target) || hasOpenDialog() || isMenuOpen()) return;
    const key = keyOf(event);
    if (!key) return;
    const sequence = before && event.timeStamp - beforeAt < SEQUENCE_MS ? `${before} ${key}` : null;
    [before, beforeAt] = [key, event.timeStamp];
    const name = Object.keys(SHORTCUTS).find((each) => SHORTCUTS[each].some((keys) => keys === sequence || keys === key));
    const entry = actions.get(name)?.at(-1);
    if (!entry) return;
    before = null;
    event.preventDefault();
    if (!event.repeat || name.endsWith("Conversation")) entry.action();
  }
  addEventListener("keydown", onKeyDown);
  return () => removeEventListener("keydown", onKeyDown);
}
