// A virtual list as a component. Each row is a rendering root of its own, because rows are placed outside of rendering.

import { html, render, useLayoutEffect, useRef } from "../rendering.js";
import { virtualList } from "./virtual_list.js";

/**
 * `items`, `keyOf(item)`, `renderItem(item)`; `complete`, `startComplete`: there are no further pages at the end, at the start, which
 * `onNearEnd()` and `onNearStart()` read; `header`, `footer`: elements in the scrolling area; `onScroll(controls)`. `controls`: a ref
 * that gets {toTop, toEnd, toRow(key), isAtEnd, reach}. `sticksToEnd`: whether the end stays on the screen; others as in
 * virtualList(), or attributes of the scrolling area. A row is drawn again when the list is rendered, and by itself when a signal
 * that it reads changes.
 */
export function VirtualList({
  items, keyOf, renderItem, label, class: className = "", complete = true, startComplete = true, stop = null, canStop, isSamePlace, currentKey = null,
  onNearStart, onNearEnd, sticksToEnd = false, onScroll, controls, header = null, footer = null, scrollerRef, ...rest
}) {
  const scroller = useRef(null);
  const list = useRef(null);
  const rows = useRef(null);
  const latest = useRef({});
  latest.current = { keyOf, renderItem, canStop, isSamePlace, currentKey, onNearStart, onNearEnd, onScroll, sticksToEnd };

  useLayoutEffect(() => {
    const made = virtualList({
      scroller: scroller.current, list: list.current, stop, sticksToEnd: () => latest.current.sticksToEnd,
      keyOf: (item) => latest.current.keyOf(item),
      renderRow: (item, element) => render(latest.current.renderItem(item), element),
      removeRow: (element) => render(null, element),
      canStop: (item) => latest.current.canStop?.(item) ?? true,
      isSamePlace: (one, other) => latest.current.isSamePlace?.(one, other) ?? true,
      current: () => latest.current.currentKey,
      nearStart: () => latest.current.onNearStart?.(),
      nearEnd: () => latest.current.onNearEnd?.(),
      scrolled: () => latest.current.onScroll?.(made),
    });
    rows.current = made;
    if (controls) controls.current = made;
    if (scrollerRef) scrollerRef.current = scroller.current;
    return () => {
      made.close();
      rows.current = null;
      if (controls) controls.current = null;
    };
  }, []);

  useLayoutEffect(() => rows.current.show(items, { complete, startComplete }));

  return html`
    <div class=${`scroller ${className}`} ref=${scroller} ...${rest}>
      ${header}
      <div class="virtual" ref=${list} aria-label=${label} />
      ${footer}
    </div>
  `;
}
