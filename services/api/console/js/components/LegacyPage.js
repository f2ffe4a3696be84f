// A page that draws itself into an element.

import { html, useLayoutEffect, useRef } from "../rendering.js";

/** `show(element, id, part)` draws the page. → {close, open(id, part)}, or nothing */
export function LegacyPage({ show, id = null, part = null, element: Element = "div", ...props }) {
  const root = useRef(null);
  const page = useRef(null);
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    page.current = show(root.current, id, part) ?? {};
    return () => page.current.close?.();
  }, []);
  useLayoutEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else page.current.open?.(id, part);
  }, [id, part]);
  return html`<${Element} ref=${root} ...${props} />`;
}
