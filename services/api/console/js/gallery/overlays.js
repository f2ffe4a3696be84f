// Dialogs, menus and lines that leave by themselves.

import { Button } from "../components/Button.js";
import { Dialog, confirm, openDialog } from "../components/Dialog.js";
import { TextField } from "../components/Field.js";
import { Menu } from "../components/Menu.js";
import { toast } from "../components/Toast.js";
import { RequestError } from "../network/errors.js";
import { html } from "../rendering.js";
import { State, doNothing } from "./State.js";

const TEXT = "The conversation and its messages stay. Bookings that are open are cancelled.";
const refuse = () => Promise.reject(new RequestError({ code: "unreachable" }, "The server could not be reached. Try again in a moment."));

const showDialog = () => openDialog((close) => html`
  <${Dialog} title="New conversation" onClose=${() => close()} actions=${html`<${Button} onClick=${() => close()}>Cancel</${Button}><${Button} variant="primary" onClick=${() => close(true)}>Open</${Button}>`}>
    <${TextField} id="g-number" label="Number" hint="With the code of the country." value="" onInput=${doNothing} />
  </${Dialog}>
`);
const showConfirmation = () => confirm({ title: "Remove Ana from the team?", text: TEXT, action: "Remove", danger: true });
const showRefusedConfirmation = () => confirm({ title: "Remove Ana from the team?", text: TEXT, action: "Remove", danger: true, run: refuse });

function showToasts() {
  toast("Ana took this conversation.");
  toast("The conversation is closed.", { action: { label: "Undo", run: doNothing } });
  toast("The server could not be reached. Try again in a moment.", { tone: "bad" });
}

const ITEMS = [
  { label: "Edit", icon: "edit", onSelect: doNothing },
  { label: "Copy the link", icon: "link", onSelect: doNothing },
  { label: "Merge with another person", icon: "merge", disabled: true, onSelect: doNothing },
  { label: "Remove", icon: "trash", danger: true, onSelect: doNothing },
];
const CHOICES = [{ label: "All accounts", checked: true, onSelect: doNothing }, { label: "Front desk", checked: false, onSelect: doNothing }];

export const Overlays = () => html`
  <${State} name="dialogs">
    <${Button} onClick=${showDialog}>Dialog</${Button}>
    <${Button} onClick=${showConfirmation}>Confirmation</${Button}>
    <${Button} onClick=${showRefusedConfirmation}>Confirmation that is refused</${Button}>
  </${State}>
  <${State} name="menus"><${Menu} label="More" items=${ITEMS} /><${Menu} label="Account" items=${CHOICES} align="start">All accounts</${Menu}></${State}>
  <${State} name="toasts"><${Button} onClick=${showToasts}>Toasts</${Button}></${State}>
`;
