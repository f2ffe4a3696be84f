// A list of which only the rows on the screen and some around them are in the page; the others are height.

import { arrange, fill, h } from "./dom.js";
import { perFrame } from "./frame_scheduler.js";
import { rowPlaces } from "./row_places.js";

/** Above and below the screen. */
const OVERSCAN_PX = 320;
/** So many rows before the last one the next page is asked for. */
const ROWS_BEFORE_END = 20;

/**
 * `scroller`: the element that scrolls; `list`: an element in it that gets the rows; `keyOf(item)`; `describe(item)`: what is
 * shown of it, as plain data, asked for rows on the screen only; `make(described)` → element; `stop`: selector of what arrow keys reach in a
 * row, unless `canStop(item)` says that they pass it over; `unmoved(one, other)`: whether two states of an item have one place;
 * `current()`: key of the row that Tab reaches when it is on the screen; `near()`: the end is near.
 */
export function virtualList({ scroller, list, keyOf, describe, make, stop, canStop = () => true, unmoved = () => true, current = () => null, near = () => {} }) {
  let isComplete = false;
  let width = 0;
  let wasHidden = false;
  let tabStop = null;
  /** So much of the list is above the screen, as it was drawn last. */
  let passed = 0;
  let left = null;
  let pressed = false;
  let waiting = null;
  const placed = rowPlaces(keyOf, unmoved);
  const findStop = (from, step) => placed.find(from, step, canStop);
  const rows = new Map();
  list.setAttribute("role", "list");

  const lower = () => list.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  const keyAt = (node) => node?.closest?.("[data-row]")?.dataset.row ?? null;
  /** The row with the focus, also when its button lost the focus because it was disabled. */
  function focused() {
    if (list.contains(document.activeElement)) return keyAt(document.activeElement);
    return document.activeElement === document.body ? left : null;
  }

  const isHidden = () => !scroller.clientHeight;

  /** Whether the list is not shown just now. When it is shown again, it stands where it was left. */
  function isAsleep() {
    if (isHidden()) return (wasHidden = true);
    if (wasHidden && passed > 0) scroller.scrollTop = lower() + passed;
    return (wasHidden = false);
  }

  const layout = () => list.style.setProperty("height", `${placed.layout()}px`);

  function hold(held) {
    const place = held ? placed.at(held.key) : undefined;
    if (place === undefined) return;
    passed = placed.top(place) - held.below;
    if (isHidden()) return; // until it is shown again
    const wanted = lower() + passed;
    if (Math.abs(wanted - scroller.scrollTop) >= 1) scroller.scrollTop = wanted;
  }

  /** Shows these items. `complete`: there are no others behind them. */
  function show(next, { complete = true } = {}) {
    if (pressed) { // what is pressed stays under the finger
      waiting = [next, { complete }];
      return;
    }
    const key = focused();
    const before = placed.at(key);
    const held = placed.replace(next, isAsleep() ? passed : scroller.scrollTop - lower());
    isComplete = complete;
    layout();
    hold(held);
    draw();
    if (before !== undefined && placed.at(key) === undefined) focusNear(before);
  }

  /** The row with the focus is gone: what stands in its place now gets it. */
  function focusNear(at) {
    const next = findStop(Math.min(at, placed.count() - 1), 1) ?? findStop(placed.count() - 1, -1);
    if (next !== null) focus(next);
  }

  function wantedPlaces() {
    if (!placed.count()) return [];
    const above = scroller.scrollTop - lower();
    const first = placed.rowAt(above - OVERSCAN_PX);
    const last = placed.rowAt(above + scroller.clientHeight + OVERSCAN_PX);
    const found = new Set();
    for (let at = first; at <= last; at += 1) found.add(at);
    const kept = placed.at(focused());
    if (kept !== undefined) found.add(kept);
    return [...found].sort((one, other) => one - other);
  }

  /** Which row Tab reaches: the one with the focus, else the current or the last one while it is on the screen, else the first there. */
  function chooseTabStop(drawn, above) {
    const isSeen = (key) => {
      const at = placed.at(key);
      return at !== undefined && placed.top(at) >= above && placed.top(at + 1) <= above + scroller.clientHeight;
    };
    const choices = [focused(), current(), tabStop].filter((key, at) => key !== null && (at === 0 || isSeen(key)));
    const seen = drawn.find((at) => placed.top(at) >= above && rows.get(placed.key(at)).element.querySelector(stop));
    tabStop = choices[0] ?? placed.key(seen ?? drawn[0]);
  }

  function rowOf(at) {
    const item = placed.item(at);
    const key = keyOf(item);
    let row = rows.get(key);
    if (!row) rows.set(key, row = { element: h("div", { class: "virtual-row", role: "listitem", "data-row": key }), looks: null });
    const described = describe(item);
    const looks = JSON.stringify(described);
    if (row.looks !== looks) {
      row.looks = looks;
      fill(row.element, make(described));
    }
    row.element.setAttribute("aria-posinset", at + 1);
    row.element.setAttribute("aria-setsize", isComplete ? placed.count() : -1);
    return row.element;
  }

  function position(drawn) {
    for (const at of drawn) {
      const { element } = rows.get(placed.key(at));
      element.style.setProperty("transform", `translateY(${placed.top(at)}px)`);
      element.classList.toggle("first", at === 0);
    }
  }

  /** Whether a row is another height than was thought. */
  function measure(drawn) {
    let changed = false;
    for (const at of drawn) {
      const key = placed.key(at);
      if (placed.measured(key, rows.get(key).element.getBoundingClientRect().height)) changed = true;
    }
    return changed;
  }

  function draw() {
    schedule.cancel();
    if (isAsleep()) return;
    const drawn = wantedPlaces();
    const elements = drawn.map(rowOf);
    arrange(list, elements);
    const kept = new Set(elements);
    for (const [key, row] of rows) if (!kept.has(row.element)) rows.delete(key);
    position(drawn);
    const held = placed.anchor(scroller.scrollTop - lower());
    if (measure(drawn)) {
      layout();
      hold(held);
      position(drawn);
      schedule(); // other rows may be on the screen now
    }
    passed = scroller.scrollTop - lower();
    if (!drawn.length) return;
    chooseTabStop(drawn, passed);
    for (const [key, { element }] of rows) for (const node of element.querySelectorAll(stop)) node.tabIndex = key === tabStop ? 0 : -1;
    if (!isComplete && placed.rowAt(passed + scroller.clientHeight) >= placed.count() - ROWS_BEFORE_END) near();
  }

  const schedule = perFrame(draw);

  function reveal(at) {
    const start = lower();
    const [top, bottom] = [placed.top(at) + start, placed.top(at + 1) + start];
    if (top < scroller.scrollTop) scroller.scrollTop = at ? Math.floor(top) : 0;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = Math.ceil(bottom - scroller.clientHeight);
  }

  /** Rows that are not in the page yet, too. */
  function focus(at) {
    for (let round = 0; round < 3; round += 1) { // a row that is measured may be another height
      reveal(at);
      draw();
    }
    rows.get(placed.key(at))?.element.querySelector(stop)?.focus({ preventScroll: true });
  }

  function destination(key, at) {
    const page = Math.max(1, Math.floor(scroller.clientHeight / placed.estimate()) - 1);
    const last = placed.count() - 1;
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
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const at = placed.at(keyAt(event.target));
    const to = at === undefined ? null : destination(event.key, at);
    if (to === null) return;
    event.preventDefault();
    focus(to);
  }

  function released() {
    if (!pressed) return;
    pressed = false;
    requestAnimationFrame(() => { // behind the click
      if (!waiting || pressed) return;
      const next = waiting;
      waiting = null;
      show(...next);
    });
  }

  /** The list became visible or has another width. */
  function resized() {
    if (isAsleep()) return;
    if (list.clientWidth !== width) placed.forgetHeights();
    width = list.clientWidth;
    layout();
    draw();
  }

  const press = () => { pressed = true; };
  const observer = new ResizeObserver(resized);
  observer.observe(scroller);
  list.addEventListener("keydown", onkeydown);
  list.addEventListener("focusin", (event) => {
    left = keyAt(event.target);
    schedule();
  });
  list.addEventListener("focusout", (event) => { if (event.relatedTarget || !event.target.disabled) left = null; });
  list.addEventListener("pointerdown", press);
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, released);
  scroller.addEventListener("scroll", schedule, { passive: true });
  return {
    show,
    /** So many rows are above the lower edge of the screen. */
    reach: () => (placed.count() && !isHidden() ? placed.rowAt(scroller.scrollTop - lower() + scroller.clientHeight) + 1 : 0),
    /** To the beginning, as for another list. */
    toTop: () => { scroller.scrollTop = passed = 0; },
    close() {
      observer.disconnect();
      schedule.cancel();
      scroller.removeEventListener("scroll", schedule);
      for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, released);
    },
  };
}
