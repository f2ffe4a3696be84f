// Notes: what owners wrote to themselves; they are never messages of a customer.

import { Button } from "../../components/Button.js";
import { Icon } from "../../components/Icon.js";
import { PageHeader } from "../../components/layout.js";
import { EmptyState, ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { StrangerText } from "../../components/StrangerText.js";
import { formatClock, formatDay } from "../../formats.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { byOrder } from "../../store/order_keys.js";
import { instances } from "../../store/signals.js";
import { on } from "../../store/store.js";
import "../../words/notes_page.js";

const PAGE_SIZE = 50;

/** → {notes: newest first, cursor, isLoaded, isLoading, problem, read()}; a note that comes during a request is not lost. */
function useNotes() {
  const notes = useRef(new Map());
  const [state, setState] = useState({ cursor: null, isLoaded: false, isLoading: true, problem: null });
  const last = useRef(0);

  async function read(cursor = null) {
    last.current += 1;
    const mine = last.current;
    setState((current) => ({ ...current, isLoading: true, problem: null }));
    try {
      const answer = await get("/api/messages", { kind: "note", limit: PAGE_SIZE, cursor });
      if (mine !== last.current) return;
      for (const note of answer.data ?? []) keep(note);
      setState({ cursor: answer.next_cursor ?? null, isLoaded: true, isLoading: false, problem: null });
    } catch (thrown) {
      if (mine === last.current) setState((current) => ({ ...current, isLoading: false, problem: displayError(thrown) }));
    }
  }

  function keep(note) {
    const before = notes.current.get(note.id);
    if ((before?.revision ?? 0) <= (note.revision ?? 0)) notes.current.set(note.id, { ...before, ...note });
  }

  useEffect(() => {
    read();
    const arrived = (note) => {
      keep(note);
      setState((current) => ({ ...current }));
    };
    const stops = [on("note", arrived), on("resync", () => read())];
    return () => {
      last.current += 1;
      for (const stop of stops) stop();
    };
  }, []);
  return { ...state, notes: [...notes.current.values()].sort((one, other) => byOrder(other, one)), more: () => read(state.cursor), retry: () => read(state.isLoaded ? state.cursor : null) };
}

function Note({ note }) {
  const account = instances.value.find((instance) => instance.id === note.instance_id)?.instance_name;
  const text = note.revoked_at ? t("notes.deleted") : note.text || t("notes.withoutText");
  return html`
    <article class="row note-row" data-id=${note.id}>
      <span class="note-icon"><${Icon} name="notes" /></span>
      <div class="main">
        <${StrangerText} as="p" class="note-text" text=${text} />
        <p class="muted small"><time datetime=${note.timestamp}>${formatDay(note.timestamp)} · ${formatClock(note.timestamp)}</time>${account && html` · <span dir="auto">${account}</span>`}</p>
      </div>
    </article>
  `;
}

export function NotesPage() {
  const { notes, cursor, isLoaded, isLoading, problem, more, retry } = useNotes();
  return html`
    <div class="view">
      <div class="page">
        <${PageHeader} title=${t("shell.notes")} subtitle=${t("notes.subtitle")} />
        ${notes.length > 0 && html`<div class="rows">${notes.map((note) => html`<${Note} key=${note.id} note=${note} />`)}</div>`}
        ${!isLoaded && !problem && html`<${SkeletonRows} count=${4} />`}
        ${isLoaded && !notes.length && html`<${EmptyState} icon="notes" title=${t("notes.noneYet")} text=${t("notes.noneYetText")} />`}
        ${problem && html`<${ErrorState} problem=${problem} onRetry=${retry} />`}
        ${cursor && !problem && html`<${Button} class="load-page" busy=${isLoading} onClick=${more}>${t("notes.older")}</${Button}>`}
      </div>
    </div>
  `;
}
