// Avatars, badges, cards, tables, and what stands in the place of content.

import { Avatar, hueOf } from "../components/Avatar.js";
import { Badge, CountBadge } from "../components/Badge.js";
import { Button, IconButton } from "../components/Button.js";
import { Banner, Card, PageHeader } from "../components/layout.js";
import { EmptyState, ErrorState, SkeletonRows } from "../components/placeholders.js";
import { StrangerText } from "../components/StrangerText.js";
import { Table } from "../components/Table.js";
import { Time } from "../components/Time.js";
import { html } from "../rendering.js";
import { State, doNothing } from "./State.js";

const AT = "2021-03-02T17:05:00Z";
const LONG_NAME = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrentenauszahlungsstelle".repeat(3);
/** One for each of the eight hues. */
const NAMES = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].flatMap((letter) => [`${letter}nna Silva`, `${letter}na`]).filter((name, at, all) => all.findIndex((other) => hueOf(other) === hueOf(name)) === at);

export const Avatars = () => html`
  <${State} name="hues">${NAMES.map((name) => html`<${Avatar} key=${name} name=${name} />`)}</${State}>
  <${State} name="sizes"><${Avatar} name="Ana" size="small" /><${Avatar} name="Ana" /><${Avatar} name="Ana" size="large" /></${State}>
  <${State} name="no name"><${Avatar} name="" /><${Avatar} name="+55 11 98765 4321" /></${State}>
  <${State} name="with a picture"><${Avatar} name="Bruno" contactId="picture" size="small" /><${Avatar} name="Bruno" contactId="picture" /><${Avatar} name="Bruno" contactId="picture" size="large" /></${State}>
  <${State} name="picture missing"><${Avatar} name="Clara" contactId="missing" /></${State}>
`;

/** Letters that Inter does not have: shown in a font of the system, so no picture of this section is compared. */
export const OtherScripts = () => html`
  <${State} name="avatars"><${Avatar} name="محمد علي" /><${Avatar} name="👩‍👩‍👧‍👦" /><${Avatar} name="李小龍" /><${Avatar} name="Žofie Ďuríčková" /></${State}>
  <${State} name="Arabic" block><${StrangerText} as="p" text="مرحبا، هل يمكنني الحجز غداً؟ Anna 2" /></${State}>
  <${State} name="joined emoji" block><${StrangerText} as="p" text="👩‍👩‍👧‍👦🏳️‍🌈👍🏽" /></${State}>
`;

const TONES = ["ok", "waiting", "bad", "info", "calendar"];

export const Badges = () => html`
  <${State} name="tones"><${Badge}>Closed</${Badge}>${TONES.map((tone) => html`<${Badge} key=${tone} tone=${tone}>${tone}</${Badge}>`)}</${State}>
  <${State} name="with a dot"><${Badge} tone="ok" class="badge ok dot">Connected</${Badge}><${Badge} tone="bad" class="badge bad dot">Not connected</${Badge}></${State}>
  <${State} name="counts">
    <${CountBadge} count=${1} label="1 unread" /><${CountBadge} count=${42} label="42 unread" /><${CountBadge} count=${1234} label="1234 unread" />
    <${CountBadge} count=${7} label="7 wait" tone="waiting" /><${CountBadge} count=${3} label="3 closed" tone="quiet" /><${CountBadge} count=${0} label="none" />
  </${State}>
  <${State} name="times"><${Time} at=${AT} format="clock" /><${Time} at=${AT} format="date" /><${Time} at=${AT} format="dateTime" /><${Time} at=${AT} format="when" /></${State}>
  <${State} name="of a stranger" block class="gallery-narrow"><${StrangerText} as="p" text=${LONG_NAME} /></${State}>
`;

export const Layout = () => html`
  <${PageHeader} title="People" subtitle="Everybody who wrote to one of your numbers" back="#" actions=${html`<${Button} icon="download" onClick=${doNothing}>Save as a file</${Button}><${Button} variant="primary" icon="plus" onClick=${doNothing}>Add</${Button}>`} />
  <${Card} title="Front desk" actions=${html`<${IconButton} icon="more" label="More" onClick=${doNothing} />`}><p>It has a title and something at its end.</p></${Card}>
  <${Card}><p>It has neither.</p></${Card}>
  <${Banner} action=${html`<${Button} size="small" onClick=${doNothing}>Reload</${Button}>`}>A new version of the console is there.</${Banner}>
  <${Banner} tone="waiting" icon="clock">Three bookings wait for an answer.</${Banner}>
  <${Banner} tone="bad" icon="wifi-off" action=${html`<${Button} size="small" onClick=${doNothing}>Link again</${Button}>`}>Front desk is not connected.</${Banner}>
`;

const ROWS = [
  { id: "1", name: "Ana Souza", number: "+55 11 98765 4321", messages: 1204 },
  { id: "2", name: LONG_NAME, number: "+34 612 34 56 78", messages: 3 },
  { id: "3", name: "Bruno", number: "", messages: 0 },
];
const COLUMNS = [
  { key: "name", title: "Name", render: (row) => html`<${StrangerText} text=${row.name} />` },
  { key: "number", title: "Number", nowrap: true, render: (row) => row.number },
  { key: "last", title: "Last contact", render: () => html`<${Time} at=${AT} format="date" />` },
  { key: "messages", title: "Messages", align: "end", render: (row) => row.messages },
];

export const Tables = () => html`<${Table} label="People" columns=${COLUMNS} rows=${ROWS} keyOf=${(row) => row.id} onRowHref=${() => "#"} />`;

export const Placeholders = () => html`
  <${State} name="empty" block><${EmptyState} icon="inbox" title="Nothing is new" text="When somebody writes to one of your numbers, the conversation stands here."><${Button} variant="primary" icon="plus" onClick=${doNothing}>New conversation</${Button}></${EmptyState}></${State}>
  <${State} name="failed" block><${ErrorState} problem=${{ message: "The server could not be reached. Try again in a moment." }} onRetry=${doNothing} /></${State}>
  ${["conversation", "message", "row", "card"].map((kind) => html`<${State} key=${kind} name=${`loading: ${kind}`} block><${SkeletonRows} kind=${kind} count=${3} /></${State}>`)}
`;
