// Rows of a virtual list that are made of plain data and drawn again when it changes.

import { fill } from "./dom.js";

/** `describe(item)`: plain data; `make(described)` → element. → `renderRow` of virtualList() */
export function describedRows(describe, make) {
  const fingerprints = new WeakMap();
  return (item, element) => {
    const described = describe(item);
    const fingerprint = JSON.stringify(described);
    if (fingerprints.get(element) === fingerprint) return;
    fingerprints.set(element, fingerprint);
    fill(element, make(described));
  };
}
