// The text of a search field, which searches when typing pauses.

import { useEffect, useRef, useState } from "../rendering.js";

const DEBOUNCE_MS = 250;

/** → {typed: what stands in the field, text: what is searched for, type(value), settle(): searches at once} */
export function useSearchText() {
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);

  function settle(value = typed) {
    clearTimeout(timer.current);
    setText(value.trim());
  }

  function type(value) {
    setTyped(value);
    clearTimeout(timer.current);
    if (value.trim()) timer.current = setTimeout(() => settle(value), DEBOUNCE_MS);
    else settle("");
  }

  return { typed, text, type, settle: () => settle() };
}

/** What a SearchField needs of it. */
export const searchFieldProps = ({ typed, type, settle }) => ({ value: typed, onInput: type, onKeyUp: (event) => event.key === "Enter" && settle() });
