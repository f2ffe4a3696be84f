// A field that finds a person on the server while one types.

import { Avatar } from "../../components/Avatar.js";
import { Button } from "../../components/Button.js";
import { TextField } from "../../components/Field.js";
import { useSearchText } from "../../components/search_text.js";
import { StrangerText } from "../../components/StrangerText.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { call } from "../../network/rest.js";
import { formatPhone } from "../../phone_format.js";
import { html, useEffect, useId, useState } from "../../rendering.js";
import { listOf } from "../../store/store.js";
import "../../words/people_page.js";

const MAX_SHOWN_PEOPLE = 8;

/** Who is found, and the state of the request. */
function useFoundPeople(text, exceptId) {
  const [state, setState] = useState({ people: [], isLoading: true, problem: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const request = new AbortController();
    setState((current) => ({ ...current, isLoading: true, problem: null }));
    const query = { search: text, sort: text ? "name" : "last_message_at", limit: MAX_SHOWN_PEOPLE + 1 };
    call("GET", "/api/contacts", { query, signal: request.signal }).then(
      (answer) => setState({ people: listOf(answer, "contacts").filter((person) => person.id !== exceptId).slice(0, MAX_SHOWN_PEOPLE), isLoading: false, problem: null }),
      (thrown) => { if (!request.signal.aborted) setState({ people: [], isLoading: false, problem: displayError(thrown) }); },
    );
    return () => request.abort();
  }, [text, exceptId, attempt]);
  return { ...state, retry: () => setAttempt(attempt + 1) };
}

/** A person in one line: picture, name and number. */
export function PersonLine({ person }) {
  const name = personName(person);
  return html`
    <${Avatar} name=${name} contactId=${person.id} size="small" />
    <span class="person-line"><${StrangerText} text=${name} /><span class="muted small">${person.name ? formatPhone(person.phone_number) || t("people.hiddenNumber") : ""}</span></span>
  `;
}

function Search({ label, exceptId, error, onSelect }) {
  const search = useSearchText();
  const { people, isLoading, problem, retry } = useFoundPeople(search.text, exceptId);
  const [current, setCurrent] = useState(-1);
  const id = useId();
  useEffect(() => setCurrent(-1), [people]);

  function onKeyDown(event) {
    const to = { ArrowDown: Math.min(current + 1, people.length - 1), ArrowUp: Math.max(current - 1, -1) }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      setCurrent(to);
    } else if (event.key === "Enter") {
      event.preventDefault(); // of the form around it
      const chosen = people[current] ?? (people.length === 1 && search.typed.trim() === search.text ? people[0] : null);
      if (chosen) onSelect(chosen);
      else search.settle();
    }
  }

  const option = (person, at) => html`
    <li key=${person.id} id=${`${id}-${at}`} role="option" aria-selected=${String(at === current)} onClick=${() => onSelect(person)}><${PersonLine} person=${person} /></li>
  `;
  return html`
    <${TextField} label=${label} placeholder=${t("people.searchNameOrNumber")} value=${search.typed} onInput=${search.type} onKeyDown=${onKeyDown} error=${error} maxlength="100" autocomplete="off"
      role="combobox" aria-expanded=${String(people.length > 0)} aria-controls=${id} aria-autocomplete="list" aria-activedescendant=${current < 0 ? null : `${id}-${current}`}>
      <ul class="found-people" id=${id} role="listbox" aria-label=${label} aria-busy=${String(isLoading)}>${people.map(option)}</ul>
      ${!people.length && html`<p class="hint" role="status">${problem ? problem.message : t(isLoading ? "common.loading" : "people.nobodyFound")}</p>`}
      ${problem && html`<${Button} size="small" onClick=${retry}>${t("common.retry")}</${Button}>`}
    </${TextField}>
  `;
}

/** `value`: the contact that is chosen, or null; `onSelect(contact or null)`; `exceptId`: a contact that cannot be chosen. */
export function PersonPicker({ label, value, onSelect, exceptId = null, error = null }) {
  if (!value) return html`<${Search} label=${label} exceptId=${exceptId} error=${error} onSelect=${onSelect} />`;
  return html`
    <div class="field" role="group" aria-label=${label}>
      <span class="label">${label}</span>
      <div class="chosen-person"><${PersonLine} person=${value} /><${Button} size="small" onClick=${() => onSelect(null)}>${t("people.chooseAnother")}</${Button}></div>
    </div>
  `;
}
