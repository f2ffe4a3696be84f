// The route in the address: #/page/id/part. Every page has an address, so that back, forward and links work.

import { computed, signal } from "@preact/signals";

const MAX_SEGMENT_CHARACTERS = 300;

/** Addresses of earlier versions of the console. */
const RENAMED = { accounts: ["settings", "numbers"], contacts: ["people"] };

/** A hand-made link may be badly encoded, or lead to another path of the API when it becomes part of a URL. */
function decoded(text) {
  try {
    const id = decodeURIComponent(text).slice(0, MAX_SEGMENT_CHARACTERS);
    return id === "." || id === ".." ? "" : id;
  } catch {
    return text.slice(0, MAX_SEGMENT_CHARACTERS);
  }
}

const hash = signal(location.hash);
addEventListener("hashchange", () => { hash.value = location.hash; });

/** {page, id, part}: "" or null when the address has none. `#/inbox/<conversation>/<message>`, `#/settings/<section>/<id>` */
export const route = computed(() => {
  const [page = "", id = "", part = ""] = hash.value.split("/").slice(1).map(decoded);
  const [newPage, section] = Object.hasOwn(RENAMED, page) ? RENAMED[page] : [page];
  return section ? { page: newPage, id: section, part: id || null } : { page: newPage, id: id || null, part: part || null };
});

/** href("inbox", "v1") → "#/inbox/v1" */
export const href = (...segments) => `#/${segments.filter(Boolean).map(encodeURIComponent).join("/")}`;

export function navigate(...segments) {
  const to = href(...segments);
  if (location.hash !== to) location.hash = to;
}

/** Changes the address without a step for "back". */
export function replaceRoute(...segments) {
  history.replaceState(history.state, "", href(...segments));
  hash.value = location.hash;
}
