// Loads the modules that main.js imports after the login before main.js itself has arrived: at once when there is a
// session, otherwise when the user begins to type into the login form. The server lists them in the page.

import { currentSession } from "./network/session.js";

function preloadModules() {
  for (const href of JSON.parse(document.getElementById("modules-after-login").textContent)) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  }
}

if (currentSession()?.token) preloadModules();
else addEventListener("input", preloadModules, { once: true });
