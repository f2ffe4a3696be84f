// Pairs of contacts that may be one person, for who may merge them.

import { Button } from "../../components/Button.js";
import { Card } from "../../components/layout.js";
import { ErrorState } from "../../components/placeholders.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { listOf, on } from "../../store/store.js";
import { dismissSuggestion } from "./contact_changes.js";
import { openMergeDialog } from "./MergeDialog.js";
import { PersonLine } from "./PersonPicker.js";

const PAGE_SIZE = 20;
/** A page may be empty although others follow. */
const MAX_PAGES = 5;
const REASONS = { number_variant: "people.reason.number_variant", same_name: "people.reason.same_name" };

const keyOf = ({ contact, other }) => `${contact.id} ${other.id}`;
const isOf = ({ contact, other }, id) => contact.id === id || other.id === id;

async function readSuggestions(cursor) {
  let next = cursor;
  const found = [];
  for (let page = 0; page < MAX_PAGES && !found.length && (next || !page); page += 1) {
    const answer = await get("/api/contacts/merge-suggestions", { limit: PAGE_SIZE, cursor: next });
    found.push(...listOf(answer, "suggestions"));
    next = answer.next_cursor;
  }
  return { found, cursor: next };
}

function useMergeSuggestions() {
  const [state, setState] = useState({ pairs: [], cursor: null, isLoading: true, problem: null });
  const last = useRef(0);
  async function read(from = null) {
    last.current += 1;
    const mine = last.current;
    setState((current) => ({ ...current, isLoading: true, problem: null }));
    try {
      const { found, cursor } = await readSuggestions(from);
      if (mine === last.current) setState((current) => ({ pairs: from ? [...current.pairs, ...found] : found, cursor, isLoading: false, problem: null }));
    } catch (thrown) {
      if (mine === last.current) setState((current) => ({ ...current, isLoading: false, problem: displayError(thrown) }));
    }
  }
  useEffect(() => {
    read();
    const stops = [on("merged", () => read()), on("dropped", ({ name, id }) => name === "contacts" && drop((pair) => isOf(pair, id)))];
    return () => {
      last.current += 1;
      for (const stop of stops) stop();
    };
  }, []);
  const drop = (isGone) => setState((current) => ({ ...current, pairs: current.pairs.filter((pair) => !isGone(pair)) }));
  return { ...state, more: () => read(state.cursor), drop };
}

function Suggestion({ pair, onDismissed }) {
  const { contact, other, reason } = pair;
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const running = useRef(false);
  async function dismiss() {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await dismissSuggestion(contact.id, other.id);
      onDismissed();
    } catch (thrown) {
      setProblem(displayError(thrown));
      running.current = false;
      setBusy(false);
    }
  }
  return html`
    <li class="suggested-pair">
      <div class="pair"><span class="chosen-person"><${PersonLine} person=${contact} /></span><span class="chosen-person"><${PersonLine} person=${other} /></span></div>
      <p class="muted small">${Object.hasOwn(REASONS, reason) ? t(REASONS[reason]) : ""}</p>
      <div class="pair-actions">
        <${Button} size="small" icon="merge" onClick=${() => openMergeDialog(contact, other)}>${t("people.mergeThese")}</${Button}>
        <${Button} size="small" variant="quiet" busy=${isBusy} onClick=${dismiss}>${t("people.notTheSame")}</${Button}>
      </div>
      ${problem && html`<p class="error" role="alert">${problem.message}</p>`}
    </li>
  `;
}

export function MergeSuggestions() {
  const { pairs, cursor, isLoading, problem, more, drop } = useMergeSuggestions();
  const [isOpen, setOpen] = useState(false);
  if (!pairs.length) return problem && isOpen ? html`<${ErrorState} problem=${problem} onRetry=${more} />` : null;
  const toggle = html`<${Button} size="small" aria-expanded=${String(isOpen)} onClick=${() => setOpen(!isOpen)}>${t(isOpen ? "people.hideSuggestions" : "people.showSuggestions")}</${Button}>`;
  return html`
    <${Card} class="merge-suggestions" title=${t("people.suggestions", { n: pairs.length })} actions=${toggle}>
      ${isOpen && html`
        <ul class="lines-list">${pairs.map((pair) => html`<${Suggestion} key=${keyOf(pair)} pair=${pair} onDismissed=${() => drop((each) => each === pair)} />`)}</ul>
        ${problem && html`<${ErrorState} problem=${problem} onRetry=${more} />`}
        ${cursor && !problem && html`<${Button} size="small" busy=${isLoading} onClick=${more}>${t("people.moreSuggestions")}</${Button}>`}
      `}
    </${Card}>
  `;
}
