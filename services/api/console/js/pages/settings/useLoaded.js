// Data of a section that is read when it is opened, and again on request.

import { displayError } from "../../network/errors.js";
import { useEffect, useRef, useState } from "../../rendering.js";
import { on } from "../../store/store.js";

/** `read()` → the data. → {data: null while it was never read, problem, reload}; read again after an interruption */
export function useLoaded(read, dependencies = []) {
  const [state, setState] = useState({ data: null, problem: null });
  const request = useRef(0);
  async function reload() {
    request.current += 1;
    const own = request.current;
    try {
      const data = await read();
      if (own === request.current) setState({ data, problem: null });
    } catch (thrown) {
      if (own === request.current) setState((current) => ({ ...current, problem: displayError(thrown) }));
    }
  }
  useEffect(() => {
    reload();
    const stop = on("resync", reload);
    return () => {
      request.current += 1;
      stop();
    };
  }, dependencies);
  return { ...state, reload };
}
