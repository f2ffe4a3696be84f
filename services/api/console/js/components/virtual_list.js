// A virtual list: only rows on and near the screen are in the page; the others only add height.

import { arrange } from "./dom.js";
import { oncePerFrame } from "./frame_scheduler.js";
import { pressGuard } from "./press_guard.js";
import { rowPlaces } from "./row_places.js";

/** Distance from the end of the list, in pixels, that counts as being at the end. */
const AT_END_PX = 32;
/** Pixels above and below the screen that are drawn too. */
const OVERSCAN_PX = 320;
/** Number of rows before the first or the last one at which the next page is requested. */
const ROWS_BEFORE_END = 20;
/** A drawing is repeated at once this often when rows had other heights than estimated. */
const MAX_ROUNDS = 3;

/**
 * `scroller`: the scrolling element; `list`: the element in it that gets the rows; `keyOf(item)`; `renderRow(item, element)`
 * draws a visible row into its element, `removeRow(element)` is called before the element is dropped; `stop`: selector of the
 * element in a row that arrow keys reach (null: none), except rows for which `canStop(item)` is false; `isSamePlace(one,
 * other)`: whether two versions of an item have the same place; `current()`: key of the row that Tab reaches when it is on the
 * screen; `nearStart()`, `nearEnd()`: the first, the last rows are near; `sticksToEnd()`: whether the end stays on the screen once it
 * is there; `scrolled()`: the position changed.
 */
export function virtualList({
  scroller, list, keyOf, renderRow, removeRow = () => {}, stop, canStop = () => true, isSamePlace = () => true, current = () => null,
  nearStart = () => {}, nearEnd = () => {}, sticksToEnd = () => false, scrolled = () => {},
}) {
  /** Whether the end was on the screen when the reader last scrolled. */
  let isAtEnd = true;
  let isStartComplete = true;
  let isComplete = false;
  let [width, height] = [0, 0];
  let wasHidden = false;
  let tabStop = null;
  let scrolledPast = 0; // pixels of the list above the screen at the last drawing
  let lastFocusedKey = null;
  /** Number of the last show(): a row is drawn again once after each. */
  let drawing = 0;
  /** A row changed its height by itself: a text was unfolded, an image arrived. */
  const rowObserver = new ResizeObserver(() => schedule());
  const guard = pressGuard(list);
  const places = rowPlaces(keyOf, isSamePlace);
  const findStop = (from, step) => places.find(from, step, canStop);
  const rows = new Map();
  list.setAttribute("role", "list");

  const listTop = () => list.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  const keyAt = (node) => node?.closest?.("[data-row]")?.dataset.row ?? null;
  /** The row with the focus, also after its button lost it by being disabled. */
  function focused() {
    if (list.contains(document.activeElement)) return keyAt(document.activeElement);
    return document.activeElement === document.body ? lastFocusedKey : null;
  }

  const isHidden = () => !scroller.clientHeight;
  /** Whether the list is hidden. When it is shown again, its scroll position is restored. */
  function checkHidden() {
    if (isHidden()) return (wasHidden = true);
    if (wasHidden && scrolledPast > 0) scroller.scrollTop = listTop() + scrolledPast;
    return (wasHidden = false);
  }

  const layout = () => list.style.setProperty("height", `${places.layout()}px`);
  function restoreAnchor(anchor) {
    const place = anchor ? places.at(anchor.key) : undefined;
    if (place === undefined) return;
    scrolledPast = places.top(place) - anchor.below;
    if (isHidden()) return; // restored when it is shown again
    const wanted = listTop() + scrolledPast;
    if (Math.abs(wanted - scroller.scrollTop) >= 1) scroller.scrollTop = wanted;
  }

  const measureAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= AT_END_PX;

  function keepEnd() {
    if (sticksToEnd() && isAtEnd && !isHidden()) scroller.scrollTop = scroller.scrollHeight;
  }

  /** Shows these items. `complete`, `startComplete`: there are no further pages at the end, at the start. */
  function show(next, { complete = true, startComplete = true } = {}) {
    if (guard.delays(() => show(next, { complete, startComplete }))) return;
    const key = focused();
    const before = places.at(key);
    const anchor = places.replace(next, checkHidden() ? scrolledPast : scroller.scrollTop - listTop(), !isStartComplete);
    isComplete = complete;
    isStartComplete = startComplete;
    drawing += 1;
    layout();
    restoreAnchor(anchor);
    keepEnd();
    draw();
    if (before !== undefined && places.at(key) === undefined) focusNear(before);
  }

  /** The row with the focus was removed: the row in its place gets it. */
  function focusNear(at) {
    const next = findStop(Math.min(at, places.count() - 1), 1) ?? findStop(places.count() - 1, -1);
    if (next !== null) focus(next);
  }

  function visibleIndices() {
    if (!places.count()) return [];
    const above = scroller.scrollTop - listTop();
    const first = places.rowAt(above - OVERSCAN_PX);
    const last = places.rowAt(above + scroller.clientHeight + OVERSCAN_PX);
    const indices = new Set();
    for (let at = first; at <= last; at += 1) indices.add(at);
    const keptElements = places.at(focused());
    if (keptElements !== undefined) indices.add(keptElements);
    return [...indices].sort((one, other) => one - other);
  }

  /** Chooses the row that Tab reaches: the focused one, else the current or the last one if visible, else the first visible one. */
  function chooseTabStop(drawn, above) {
    const isSeen = (key) => {
      const at = places.at(key);
      return at !== undefined && places.top(at) >= above && places.top(at + 1) <= above + scroller.clientHeight;
    };
    const choices = [focused(), current(), tabStop].filter((key, at) => key !== null && (at === 0 || isSeen(key)));
    const firstVisible = drawn.find((at) => places.top(at) >= above && rows.get(places.key(at)).element.querySelector(stop));
    tabStop = choices[0] ?? places.key(firstVisible ?? drawn[0]);
  }

  function rowElement(key) {
    const element = document.createElement("div");
    element.className = "virtual-row";
    element.setAttribute("role", "listitem");
    element.dataset.row = key;
    return element;
  }

  function rowOf(at) {
    const item = places.item(at);
    const key = keyOf(item);
    let row = rows.get(key);
    if (!row) {
      rows.set(key, row = { element: rowElement(key), drawing: 0 });
      rowObserver.observe(row.element);
    }
    if (row.drawing !== drawing) {
      row.drawing = drawing;
      renderRow(item, row.element);
    }
    row.element.setAttribute("aria-posinset", at + 1);
    row.element.setAttribute("aria-setsize", isComplete ? places.count() : -1);
    return row.element;
  }

  function position(drawn) {
    for (const at of drawn) {
      const { element } = rows.get(places.key(at));
      element.style.setProperty("transform", `translateY(${places.top(at)}px)`);
      element.classList.toggle("first", at === 0);
    }
  }

  /** Measures the drawn rows. → whether a height changed */
  function measure(drawn) {
    let changed = false;
    for (const at of drawn) {
      const key = places.key(at);
      if (places.measured(key, rows.get(key).element.getBoundingClientRect().height)) changed = true;
    }
    return changed;
  }

  function draw(round = 0) {
    schedule.cancel();
    if (checkHidden()) return;
    const drawn = visibleIndices();
    const elements = drawn.map(rowOf);
    arrange(list, elements);
    const keptElements = new Set(elements);
    for (const [key, { element }] of rows) {
      if (keptElements.has(element)) continue;
      rows.delete(key);
      rowObserver.unobserve(element);
      removeRow(element);
    }
    position(drawn);
    const anchor = places.anchor(scroller.scrollTop - listTop());
    if (measure(drawn)) {
      layout();
      restoreAnchor(anchor);
      keepEnd();
      position(drawn);
      if (round < MAX_ROUNDS) return void draw(round + 1); // other rows may be visible now
      schedule();
    }
    scrolledPast = scroller.scrollTop - listTop();
    if (!drawn.length) return;
    if (stop) {
      chooseTabStop(drawn, scrolledPast);
      for (const [key, { element }] of rows) for (const node of element.querySelectorAll(stop)) node.tabIndex = key === tabStop ? 0 : -1;
    }
    scrolled();
    if (!isStartComplete && places.rowAt(scrolledPast) < ROWS_BEFORE_END) nearStart();
    if (!isComplete && places.rowAt(scrolledPast + scroller.clientHeight) >= places.count() - ROWS_BEFORE_END) nearEnd();
  }

  const schedule = oncePerFrame(draw);
  function reveal(at) {
    const start = listTop();
    const [top, bottom] = [places.top(at) + start, places.top(at + 1) + start];
    if (top < scroller.scrollTop) scroller.scrollTop = at ? Math.floor(top) : 0;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = Math.ceil(bottom - scroller.clientHeight);
  }

  /** Also for a row that is not in the page yet. */
  function focus(at) {
    for (let round = 0; round < 3; round += 1) { // its height may change when it is drawn
      reveal(at);
      draw();
    }
    if (stop) rows.get(places.key(at))?.element.querySelector(stop)?.focus({ preventScroll: true });
  }

  function destination(key, at) {
    const page = Math.max(1, Math.floor(scroller.clientHeight / places.estimate()) - 1);
    const last = places.count() - 1;
    switch (key) {
      case "ArrowDown": return findStop(at + 1, 1);
      case "ArrowUp": return findStop(at - 1, -1);
      case "PageDown": return findStop(Math.min(at + page, last), -1);
      case "PageUp": return findStop(Math.max(at - page, 0), 1);
      case "Home": return findStop(0, 1);
      case "End": return findStop(last, -1);
      default: return null;
    }
  }

  function onkeydown(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const at = places.at(keyAt(event.target));
    const to = at === undefined ? null : destination(event.key, at);
    if (to === null) return;
    event.preventDefault();
    focus(to);
  }

  /** The list became visible or changed its width. */
  function onResize() {
    if (checkHidden()) return;
    if (list.clientWidth !== width) places.forgetHeights();
    width = list.clientWidth;
    height = scroller.clientHeight;
    layout();
    keepEnd();
    draw();
  }

  const onScroll = () => {
    if (scroller.clientHeight === height) isAtEnd = sticksToEnd() && measureAtEnd(); // else onResize keeps the end
    schedule();
  };
  const observer = new ResizeObserver(onResize);
  observer.observe(scroller);
  if (stop) list.addEventListener("keydown", onkeydown);
  list.addEventListener("focusin", (event) => {
    lastFocusedKey = keyAt(event.target);
    schedule();
  });
  list.addEventListener("focusout", (event) => { if (event.relatedTarget || !event.target.disabled) lastFocusedKey = null; });
  scroller.addEventListener("scroll", onScroll, { passive: true });
  return {
    show,
    /** Number of rows above the lower edge of the screen. */
    reach: () => (places.count() && !isHidden() ? places.rowAt(scroller.scrollTop - listTop() + scroller.clientHeight) + 1 : 0),
    /** Scrolls to the beginning, for another list. */
    toTop: () => { scroller.scrollTop = scrolledPast = 0; },
    toEnd() {
      isAtEnd = true;
      for (let round = 0; round < 3; round += 1) { // heights may change when rows are drawn
        scroller.scrollTop = scroller.scrollHeight;
        draw();
      }
    },
    /** Scrolls so that this row is a third below the upper edge. → whether it is in the list */
    toRow(key) {
      const at = places.at(key);
      if (at === undefined) return false;
      for (let round = 0; round < 3; round += 1) {
        scroller.scrollTop = listTop() + places.top(at) - scroller.clientHeight / 3;
        isAtEnd = sticksToEnd() && measureAtEnd();
        draw();
      }
      return true;
    },
    isAtEnd: () => !isHidden() && measureAtEnd(),
    close() {
      for (const { element } of rows.values()) removeRow(element);
      rowObserver.disconnect();
      observer.disconnect();
      schedule.cancel();
      scroller.removeEventListener("scroll", onScroll);
      guard.close();
    },
  };
}
