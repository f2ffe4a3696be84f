// Style sheets that the login page does not need.

const NAMES = ["accounts", "inbox", "palette", "people", "settings", "simulator", "thread"];
let loading = null;

function loadStyles(name) {
  const href = new URL(`../css/${name}.css`, import.meta.url).href;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  const loaded = new Promise((resolve) => { link.onload = link.onerror = resolve; }); // without its styles a page is still usable
  document.head.append(link);
  return loaded;
}

/** Resolves when the style sheets have been loaded; they are requested once. */
export function loadPageStyles() {
  loading ??= Promise.all(NAMES.map(loadStyles));
  return loading;
}
