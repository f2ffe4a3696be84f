// The search of the inbox: what is typed is searched for when typing pauses, in people and in messages.

import { account } from "./views.js";
import { messageResults } from "./message_results.js";
import { useEffect, useMemo, useRef, useState } from "../../rendering.js";
import { matchesPerson, wordsOf } from "../../store/search_match.js";
import { usePagedList } from "../../store/signals.js";
import { on, store } from "../../store/store.js";

const DEBOUNCE_MS = 250;
const FIRST_RESULTS = 6;

const personOf = (conversation) => conversation.contact ?? store.contacts.get(conversation.contact_id);

/** The lists of found conversations and messages. → {results, messages, find(text)} */
function useResults(order) {
  const [, setVersion] = useState(0);
  const results = usePagedList({ name: "conversations", path: "/api/conversations", order, page: FIRST_RESULTS });
  const messages = useMemo(() => {
    let frame = 0;
    return messageResults(() => { frame ||= requestAnimationFrame(() => { frame = 0; setVersion((version) => version + 1); }); });
  }, []);
  useEffect(() => messages.close, []);
  useEffect(() => on("merged", results.reload), []);

  function find(text) {
    const words = wordsOf(text);
    const instanceId = account.peek();
    const filter = instanceId ? { instance_id: instanceId } : {};
    messages.ask(text, filter);
    if (!text) results.clear();
    else results.ask({ search: text, ...filter }, (conversation) => (!instanceId || conversation.instance_id === instanceId) && matchesPerson(words, personOf(conversation)));
  }

  return { results, messages, find };
}

/** → {typed, text, results, messages, type(value), settle(), clear()}; `text`: what is searched for, "" without a search. */
export function useListSearch(order, controls) {
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const timer = useRef(null);
  const found = useResults(order);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    controls.current?.toTop();
    found.find(text);
  }, [text, account.value]);

  function settle(value = typed) {
    clearTimeout(timer.current);
    setText(value.trim());
  }

  function type(value) {
    setTyped(value);
    clearTimeout(timer.current);
    if (value.trim()) timer.current = setTimeout(() => settle(value), DEBOUNCE_MS);
    else settle(value);
  }

  return { ...found, typed, text, type, settle: () => settle(), clear: () => type("") };
}
