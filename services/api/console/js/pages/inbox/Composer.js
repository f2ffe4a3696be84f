// The message field: Enter sends, Shift+Enter breaks the line, Esc leaves the field.

import { IconButton } from "../../components/Button.js";
import { t } from "../../language.js";
import { html, useLayoutEffect, useRef, useState } from "../../rendering.js";
import { draftOf, saveDraft } from "../../store/drafts.js";
import { instances, useRecord } from "../../store/signals.js";
import { store } from "../../store/store.js";
import { wasWalkedTo } from "./conversation_walk.js";
import { EmojiPicker } from "./EmojiPicker.js";
import { MAX_CHARACTERS } from "./message_limits.js";

const MAX_HEIGHT_PX = 180;
/** Newer browsers fit the field to its text by themselves. */
const needsFitting = !CSS.supports("field-sizing", "content");

function fitHeight(input) {
  if (!needsFitting) return;
  input.style.setProperty("height", "auto");
  input.style.setProperty("height", `${Math.min(input.scrollHeight + 2, MAX_HEIGHT_PX)}px`);
}

/** Characters beyond the limit. Most texts are so short that they need not be counted. */
const excessOf = (text) => (text.length <= MAX_CHARACTERS ? 0 : Math.max(0, [...text].length - MAX_CHARACTERS));

function OfflineWarning({ id }) {
  const conversation = useRecord("conversations", id);
  const instance = instances.value.length ? store.instances.get(conversation?.instance_id) : null;
  if (!instance || instance.status === "connected") return html`<p class="composer-warning" role="status" hidden />`;
  return html`<p class="composer-warning" role="status">${t("inbox.accountOffline", { account: instance.instance_name })}<a href="#/settings/numbers">${t("inbox.seeAccount")}</a></p>`;
}

/** Puts a text at the cursor, as if it were typed. */
function insertText(input, text) {
  input.focus();
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

export function Composer({ id, thread }) {
  const input = useRef(null);
  const [{ isEmpty, excess }, setState] = useState({ isEmpty: true, excess: 0 });

  function changed() {
    const text = input.current.value.trim();
    const next = { isEmpty: !text, excess: excessOf(text) };
    setState((current) => (current.isEmpty === next.isEmpty && current.excess === next.excess ? current : next));
    fitHeight(input.current);
  }

  useLayoutEffect(() => {
    input.current.value = draftOf(id);
    changed();
    if (!thread.opensAt && !wasWalkedTo(id) && matchMedia("(hover: hover)").matches) input.current.focus({ preventScroll: true });
  }, [id]);

  function onInput() {
    changed();
    saveDraft(id, input.current.value);
    thread.presence.inputChanged(input.current.value.trim() !== "");
  }

  function submit() {
    const text = input.current.value.trim();
    if (!text || excessOf(text)) return;
    input.current.value = "";
    changed();
    saveDraft(id, "");
    thread.presence.inputChanged(false);
    thread.send(text);
    input.current.focus();
  }

  function onKeyDown(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      input.current.blur();
      thread.presence.inputChanged(false);
    }
  }

  return html`
    <form class="composer" onSubmit=${(event) => { event.preventDefault(); submit(); }}>
      <${OfflineWarning} id=${id} />
      <p class="error" id="composer-error" role="alert">${excess > 0 && t("inbox.tooLong", { n: excess, max: MAX_CHARACTERS })}</p>
      <div class="composer-row">
        <${EmojiPicker} onSelect=${(emoji) => insertText(input.current, emoji)} />
        <textarea class="input" rows="1" dir="auto" ref=${input} placeholder=${t("inbox.write")} aria-label=${t("inbox.write")} aria-describedby="composer-error composer-hint" onInput=${onInput} onKeyDown=${onKeyDown} />
        <${IconButton} variant="primary" icon="send" label=${t("inbox.send")} type="submit" disabled=${isEmpty || excess > 0} />
      </div>
      <p class="visually-hidden" id="composer-hint">${t("inbox.writeHint")}</p>
    </form>
  `;
}
