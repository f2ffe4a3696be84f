// Where the rows of a virtual list stand: their order, heights and distances from the top. It knows nothing of the page.

const FIRST_ESTIMATE_PX = 64;

/** `keyOf(item)`; `unmoved(one, other)`: whether two states of an item have one place. Heights and tops are in pixels. */
export function rowPlaces(keyOf, unmoved) {
  let items = [];
  let places = new Map();
  let tops = [0];
  let estimate = FIRST_ESTIMATE_PX;
  const heights = new Map();

  /** The height of the whole list. */
  function layout() {
    tops = new Float64Array(items.length + 1);
    items.forEach((item, at) => { tops[at + 1] = tops[at] + (heights.get(keyOf(item)) ?? estimate); });
    return tops[items.length];
  }

  /** The row at this distance from the top. */
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

  /** The row that stays where it is on the screen while the list becomes `next`: one that is on both at the same place. */
  function anchorIn(next, nextPlaces, above) {
    if (above <= 0 || !items.length) return null;
    const first = rowAt(above);
    const stays = (at) => {
      const place = nextPlaces.get(keyOf(items[at]));
      return place !== undefined && unmoved(items[at], next[place]);
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
    /** The place of a key; undefined: it is not in the list. */
    at: (key) => places.get(key),
    top: (at) => tops[at],
    estimate: () => estimate,
    /** The first row from here on, in this direction, that `wanted(item)` accepts; null: there is none. */
    find(from, step, wanted) {
      for (let at = from; at >= 0 && at < items.length; at += step) if (wanted(items[at])) return at;
      return null;
    },
    /** The row to hold still while `above` pixels are above the screen. */
    anchor: (above) => anchorIn(items, places, above),
    /** Other items; to be followed by layout(). → the row to hold still */
    replace(next, above) {
      const nextPlaces = new Map(next.map((item, at) => [keyOf(item), at]));
      const held = anchorIn(next, nextPlaces, above);
      items = next;
      places = nextPlaces;
      for (const known of heights.keys()) if (!places.has(known)) heights.delete(known);
      return held;
    },
    /** Whether this is another height than was known; 0: the row is not shown. */
    measured(key, height) {
      if (!height || Math.abs((heights.get(key) ?? estimate) - height) < 0.5) return false;
      if (!heights.size) estimate = height;
      heights.set(key, height);
      return true;
    },
    forgetHeights: () => heights.clear(),
  };
}
