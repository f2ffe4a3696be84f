// A contact with the contacts that were merged into it, kept current.

import { displayError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { useEffect, useRef, useState } from "../../rendering.js";
import { useRecord } from "../../store/signals.js";
import { cacheAll, nextVersion, on } from "../../store/store.js";

const NOTHING = { id: null, person: null, problem: null };

/** → {person: null until it was read, problem, retry()}; a late answer about another person is dropped. */
export function usePerson(id) {
  const [state, setState] = useState(NOTHING);
  const last = useRef(0);
  const record = useRecord("contacts", id);

  async function read() {
    last.current += 1;
    const mine = last.current;
    const since = nextVersion();
    try {
      const { data } = await get(`/api/contacts/${encodeURIComponent(id)}`);
      if (mine !== last.current) return;
      cacheAll("contacts", [data], since);
      setState({ id, person: data, problem: null });
    } catch (thrown) {
      if (mine === last.current) setState((current) => ({ id, person: current.id === id ? current.person : null, problem: displayError(thrown) }));
    }
  }

  useEffect(() => {
    read();
    const stops = [on("merged", read), on("resync", read)];
    return () => {
      last.current += 1;
      for (const stop of stops) stop();
    };
  }, [id]);

  const isOfThis = state.id === id;
  const merges = (isOfThis && state.person?.merges) || [];
  const known = record ?? (isOfThis ? state.person : null);
  const isGone = isOfThis && state.problem?.status === 404;
  return { person: known && !isGone ? { ...known, merges } : null, isGone, problem: isOfThis ? state.problem : null, retry: read };
}
