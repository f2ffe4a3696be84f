// Start of the page: reads the configuration, then shows the login page or the console.

import { App } from "./App.js";
import { get } from "./network/rest.js";
import { html, render } from "./rendering.js";
import { config } from "./store/config.js";
import { followTheme } from "./theme.js";

followTheme();
const answer = await get("/api/config").catch(() => ({}));
config.value = { ...config.value, ...(answer.data ?? answer) };
render(html`<${App} />`, document.getElementById("app"));
