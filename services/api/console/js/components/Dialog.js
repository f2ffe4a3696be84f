// Modal dialogs. The focus goes into the dialog and back to where it was.

import { t } from "../language.js";
import { displayError } from "../network/errors.js";
import { effect, html, signal, untracked, useId, useLayoutEffect, useRef, useState } from "../rendering.js";
import { route } from "../router.js";
import { Button, IconButton } from "./Button.js";

const FIELDS = "input, select, textarea";

/** `onClose()`: Escape, the close button or a press beside the dialog, which a slip cannot do to a form. `actions`: buttons at the end. */
export function Dialog({ title, onClose, children, actions = null, class: className = "" }) {
  const element = useRef(null);
  const id = useId();
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".dialog-body :is(input, select, textarea, button)") ?? dialog.querySelector(".actions .button"))?.focus();
    return () => {
      dialog.close(); // while it is open, nothing outside of it can get the focus
      if (opener?.isConnected) opener.focus();
    };
  }, []);
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  const onPress = (event) => {
    const box = element.current.getBoundingClientRect();
    const isInside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === element.current && !isInside && !element.current.querySelector(FIELDS)) onClose();
  };
  return html`
    <dialog ref=${element} class=${className} aria-labelledby=${id} onCancel=${onCancel} onMouseDown=${onPress}>
      <header class="dialog-head">
        <h2 id=${id}>${title}</h2>
        <${IconButton} icon="close" label=${t("common.close")} onClick=${onClose} />
      </header>
      <div class="dialog-body">${children}</div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </dialog>
  `;
}

/** [{key, render, close}] of the dialogs that are open, the newest last. */
const dialogs = signal([]);
let lastKey = 0;

/** Opens a dialog from an event handler. `render(close)` → a Dialog; `close(result)` closes it. → a promise of the result */
export function openDialog(render) {
  lastKey += 1;
  const key = lastKey;
  return new Promise((resolve) => {
    const close = (result) => {
      dialogs.value = dialogs.value.filter((dialog) => dialog.key !== key);
      resolve(result);
    };
    dialogs.value = [...dialogs.value, { key, close, render: () => render(close) }];
  });
}

/** Whether a dialog is open: keyboard shortcuts are off then. */
export const hasOpenDialog = () => dialogs.value.length > 0 || Boolean(document.querySelector("dialog[open]"));

/** Without a result. */
export function closeDialogs() {
  for (const dialog of dialogs.value) dialog.close();
}

const page = () => route.value.page;
let shownPage = page();
effect(() => {
  if (page() === shownPage) return;
  shownPage = page();
  untracked(closeDialogs); // the dialogs belong to the page that was left
});

function OpenDialog({ render }) {
  return render();
}

/** Where openDialog() shows its dialogs; once in the page. */
export function DialogHost() {
  return html`${dialogs.value.map(({ key, render }) => html`<${OpenDialog} key=${key} render=${render} />`)}`;
}

function Confirmation({ title, text, action, danger, run, close }) {
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  async function accept() {
    setBusy(true);
    setProblem(null);
    try {
      await run?.();
      close(true);
    } catch (thrown) {
      setProblem(displayError(thrown));
      setBusy(false);
    }
  }
  const actions = html`
    <${Button} onClick=${() => close(false)}>${t("common.cancel")}</${Button}>
    <${Button} variant=${danger ? "danger" : "primary"} busy=${isBusy} onClick=${accept} autofocus>${action}</${Button}>
  `;
  return html`
    <${Dialog} title=${title} onClose=${() => close(false)} actions=${actions}>
      <p class="muted">${text}</p>
      <p class="error box" role="alert">${problem?.message ?? ""}</p>
    </${Dialog}>
  `;
}

/** Asks before something that cannot be undone. `run()`, optional: the work; its error is shown in the dialog. → whether it was accepted */
export const confirm = (props) => openDialog((close) => html`<${Confirmation} ...${props} close=${close} />`).then(Boolean);
