// Order, heights and offsets of the rows of a virtual list. It does not touch the page.

const FIRST_ESTIMATE_PX = 64;

/** `keyOf(item)`; `isSamePlace(one, other)`: whether two versions of an item have the same place. Heights in pixels. */
export function rowPlaces(keyOf, isSamePlace) {
  let items = [];
  let placeByKey = new Map();
  let tops = [0];
  let estimate = FIRST_ESTIMATE_PX;
  const heights = new Map();

  /** Computes the offsets. → height of the whole list */
  function layout() {
    tops = new Float64Array(items.length + 1);
    items.forEach((item, at) => { tops[at + 1] = tops[at] + (heights.get(keyOf(item)) ?? estimate); });
    return tops[items.length];
  }

  /** The index of the row at this offset. */
  function rowAt(distance) {
    let low = 0;
    let high = items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= distance) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first visible row that has the same place in the current list and in `next`; null at the top, unless `keepsTop`. */
  function anchorIn(next, nextPlaces, above, keepsTop = false) {
    if ((above <= 0 && !keepsTop) || !items.length) return null;
    const first = rowAt(above);
    const stays = (at) => {
      const place = nextPlaces.get(keyOf(items[at]));
      return place !== undefined && isSamePlace(items[at], next[place]);
    };
    for (let at = first; at < items.length; at += 1) if (stays(at)) return { key: keyOf(items[at]), below: tops[at] - above };
    for (let at = first - 1; at >= 0; at -= 1) if (stays(at)) return { key: keyOf(items[at]), below: tops[at] - above };
    return null;
  }

  return {
    layout,
    rowAt,
    count: () => items.length,
    item: (at) => items[at],
    key: (at) => keyOf(items[at]),
    /** The index of a key; undefined: it is not in the list. */
    at: (key) => placeByKey.get(key),
    top: (at) => tops[at],
    estimate: () => estimate,
    /** The first index from here on, in this direction, whose item `accepts(item)` accepts; null: none. */
    find(from, step, accepts) {
      for (let at = from; at >= 0 && at < items.length; at += step) if (accepts(items[at])) return at;
      return null;
    },
    /** The row to keep in place while `above` pixels are scrolled past. */
    anchor: (above) => anchorIn(items, placeByKey, above),
    /** Replaces the items; call layout() afterwards. `keepsTop`: also the first row is kept in place. → the row to keep in place */
    replace(next, above, keepsTop) {
      const nextPlaces = new Map(next.map((item, at) => [keyOf(item), at]));
      const anchor = anchorIn(next, nextPlaces, above, keepsTop);
      items = next;
      placeByKey = nextPlaces;
      for (const key of heights.keys()) if (!placeByKey.has(key)) heights.delete(key);
      return anchor;
    },
    /** Stores a measured height. → whether it changed; height 0: the row is not visible */
    measured(key, height) {
      if (!height || Math.abs((heights.get(key) ?? estimate) - height) < 0.5) return false;
      if (!heights.size) estimate = height;
      heights.set(key, height);
      return true;
    },
    forgetHeights: () => heights.clear(),
  };
}
