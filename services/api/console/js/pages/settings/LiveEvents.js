// The socket events that reach this page, newest first.

import { Button } from "../../components/Button.js";
import { SearchField } from "../../components/Field.js";
import { Card } from "../../components/layout.js";
import { Time } from "../../components/Time.js";
import { t } from "../../language.js";
import { onAnyEvent } from "../../network/socket.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";

const MAX_EVENTS = 200;
const MAX_SHOWN_CHARACTERS = 4000;

export function LiveEvents() {
  const [events, setEvents] = useState([]);
  const [isPaused, setPaused] = useState(false);
  const [filter, setFilter] = useState("");
  const paused = useRef(false);
  const lastKey = useRef(0);
  paused.current = isPaused;
  useEffect(() => onAnyEvent((name, payload) => {
    if (paused.current) return;
    lastKey.current += 1;
    const event = { key: lastKey.current, name, at: new Date().toISOString(), text: JSON.stringify(payload, null, 2) ?? "" };
    setEvents((current) => [event, ...current].slice(0, MAX_EVENTS));
  }), []);
  const shown = events.filter(({ name, text }) => !filter || name.includes(filter) || text.includes(filter));
  const actions = html`
    <${Button} size="small" aria-pressed=${String(isPaused)} onClick=${() => setPaused(!isPaused)}>${t(isPaused ? "settings.resume" : "settings.pause")}</${Button}>
    <${Button} size="small" onClick=${() => setEvents([])}>${t("settings.clear")}</${Button}>
  `;
  return html`
    <${Card} title=${t("settings.liveEvents")} actions=${html`<div class="tools">${actions}</div>`}>
      <${SearchField} label=${t("settings.filterEvents")} value=${filter} onInput=${setFilter} />
      ${shown.length === 0 && html`<p class="muted">${t("settings.noEvents")}</p>`}
      <div class="events">
        ${shown.map((event) => html`
          <details key=${event.key}><summary><code>${event.name}</code> <span class="muted small"><${Time} at=${event.at} format="clock" /></span></summary><pre tabindex="0">${event.text.slice(0, MAX_SHOWN_CHARACTERS)}</pre></details>
        `)}
      </div>
    </${Card}>
  `;
}
