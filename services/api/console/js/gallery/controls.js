// Buttons, icons, tabs.

import { Button, IconButton } from "../components/Button.js";
import { Icon } from "../components/Icon.js";
import { ICON_PATHS } from "../components/icons.js";
import { Kbd } from "../components/layout.js";
import { Tabs } from "../components/Tabs.js";
import { html, useState } from "../rendering.js";
import { State, doNothing } from "./State.js";

const VARIANTS = ["primary", "secondary", "quiet", "danger"];
const each = (props) => VARIANTS.map((variant) => html`<${Button} key=${variant} variant=${variant} onClick=${doNothing} ...${props}>${variant}</${Button}>`);

export const Buttons = () => html`
  <${State} name="at rest">${each({})}</${State}>
  <${State} name="with an icon">${each({ icon: "plus" })}</${State}>
  <${State} name="small">${each({ size: "small", icon: "plus" })}</${State}>
  <${State} name="busy">${each({ busy: true, icon: "plus" })}</${State}>
  <${State} name="disabled">${each({ disabled: true })}</${State}>
  <${State} name="link">${each({ href: "#" })}</${State}>
  <${State} name="icon only">
    <${IconButton} icon="search" label="Search" onClick=${doNothing} />
    <${IconButton} icon="send" label="Send" variant="primary" onClick=${doNothing} />
    <${IconButton} icon="trash" label="Delete" variant="secondary" size="small" onClick=${doNothing} />
    <${IconButton} icon="bell" label="Sound" aria-pressed="true" onClick=${doNothing} />
    <${IconButton} icon="more" label="More" disabled onClick=${doNothing} />
  </${State}>
  <${State} name="whole width" block><${Button} variant="primary" class="wide" onClick=${doNothing}>Log in</${Button}></${State}>
  <${State} name="in a text"><p>It was deleted. <button class="link" type="button">Undo</button></p></${State}>
`;

export const Icons = () => html`
  <div class="gallery-shown">
    ${Object.keys(ICON_PATHS).map((name) => html`<div key=${name} class="gallery-icon"><${Icon} name=${name} /><span>${name}</span></div>`)}
  </div>
  <${State} name="with a name"><${Icon} name="clock" label="Not sent yet" /></${State}>
`;

const ITEMS = [{ key: "all", label: "All" }, { key: "unread", label: "Unread", count: 12 }, { key: "mine", label: "Mine", count: 1234 }, { key: "closed", label: "Closed" }];

export function TabLists() {
  const [current, setCurrent] = useState("unread");
  return html`
    <${State} name="one chosen" block><${Tabs} label="Views" items=${ITEMS} current=${current} onSelect=${setCurrent} /></${State}>
    <${State} name="too narrow" block class="gallery-narrow"><${Tabs} label="Views of a narrow list" items=${[...ITEMS, { key: "more", label: "Everything of another account" }]} current="all" onSelect=${doNothing} /></${State}>
    <${State} name="keys"><${Kbd}>Ctrl</${Kbd}><${Kbd}>K</${Kbd}><${Kbd}>?</${Kbd}></${State}>
  `;
}
