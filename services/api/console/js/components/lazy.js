// Components whose module is loaded when they are first shown.

import { displayError } from "../network/errors.js";
import { html, useEffect, useState } from "../rendering.js";
import { t } from "../language.js";

const loaded = new Map();

/** A component that is the export `name` of the module that `load()` imports. While it loads, an empty page is shown; a failure can be tried again. */
export function lazy(load, name) {
  return function Lazy(props) {
    const [state, setState] = useState(() => ({ component: loaded.get(load) ?? null, problem: null }));
    const read = () => load().then(
      (module) => {
        loaded.set(load, module[name]);
        setState({ component: module[name], problem: null });
      },
      (error) => setState({ component: null, problem: displayError(error) }),
    );
    useEffect(() => { if (!state.component) read(); }, []);
    if (state.component) return html`<${state.component} ...${props} />`;
    if (!state.problem) return html`<div class="page" aria-busy="true" />`;
    return html`
      <div class="page">
        <p class="error box" role="alert">${t("shell.pageNotLoaded")}</p>
        <button class="button" type="button" onClick=${read}>${t("common.retry")}</button>
      </div>
    `;
  };
}
