// A small picker of emoji for the message field.

import { IconButton } from "../../components/Button.js";
import { t } from "../../language.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";

const COLUMNS = 8;
const EMOJI = [
  ..."😀😃😄😁😅😂🙂😉😊😍🥰😘😋😎🤩🥳🤗🤔🤫🙄😏😴😌😢😭😤😮😱😳🥺😇🤝👍👎👌🙏👏🙌💪👋✋🤞🤙👀💚💛🧡💜💙🖤🤍💔✨⭐🌟🔥💯🎉🎂🎁🎈🌹🌷🌻🌈🌙🍀☕🍕🍔🍟🍝🍣🍰🍷🍺🥂🍽📅📆⏰⏳📍📞📱📧📎📷🎵🏠🏢🚗🚕🚌🚀💰💳🧾🛒📦✅❌❗❓🚫🔝🆗🆕",
  "❤️", "☀️", "✏️", "✂️", "⚠️", "✈️", "☎️", "⏱️",
];

/** The index that a key leads to; undefined: none. */
const destination = (key, at) => ({ ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + COLUMNS, ArrowUp: at - COLUMNS, Home: 0, End: EMOJI.length - 1 })[key];

function Palette({ onSelect, onClose }) {
  const root = useRef(null);
  const [current, setCurrent] = useState(0);
  useEffect(() => root.current.querySelector("button").focus(), []);
  function onKeyDown(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      return onClose();
    }
    const to = destination(event.key, current);
    if (to === undefined || !EMOJI[to]) return undefined;
    event.preventDefault();
    setCurrent(to);
    return root.current.children[to].focus();
  }
  return html`
    <div class="emoji-palette" role="toolbar" aria-label=${t("inbox.emoji")} ref=${root} onKeyDown=${onKeyDown}>
      ${EMOJI.map((emoji, at) => html`<button key=${emoji} type="button" tabindex=${at === current ? 0 : -1} onFocus=${() => setCurrent(at)} onClick=${() => onSelect(emoji)}>${emoji}</button>`)}
    </div>
  `;
}

/** `onSelect(emoji)` */
export function EmojiPicker({ onSelect }) {
  const root = useRef(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
    root.current.querySelector("button").focus();
  };
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPress = (event) => { if (!root.current.contains(event.target)) setOpen(false); };
    document.addEventListener("pointerdown", onPress);
    return () => document.removeEventListener("pointerdown", onPress);
  }, [isOpen]);
  const select = (emoji) => {
    setOpen(false);
    onSelect(emoji);
  };
  return html`
    <div class="emoji" ref=${root}>
      <${IconButton} icon="emoji" label=${t("inbox.emoji")} aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)} />
      ${isOpen && html`<${Palette} onSelect=${select} onClose=${close} />`}
    </div>
  `;
}
