// Loads the modules and styles that are needed after the login before main.js has arrived: at once when there is a
// session, otherwise when the user begins to type into the login form. The server lists them in the page.

import { currentSession } from "./network/session.js";
import { loadPageStyles } from "./page_styles.js";

function preload() {
  loadPageStyles();
  for (const href of JSON.parse(document.getElementById("modules-after-login").textContent)) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  }
}

if (currentSession()?.token) preload();
else addEventListener("input", preload, { once: true });
