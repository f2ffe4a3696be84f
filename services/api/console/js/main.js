// Start of the page: reads the configuration, then shows the login page or the console.

import { App } from "./App.js";
import { get } from "./network/rest.js";
import { html, render } from "./rendering.js";
import { config } from "./store/signals.js";
import { store } from "./store/store.js";
import { followTheme } from "./theme.js";

followTheme();
const answer = await get("/api/config").catch(() => ({}));
Object.assign(store.config, answer.data ?? answer);
config.value = { ...store.config };
render(html`<${App} />`, document.getElementById("app"));
