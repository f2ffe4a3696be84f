// The login and registration page.

import { h } from "../../components/dom.js";
import { ApiError, post } from "../../network/rest.js";
import { saveSession, tokensOf } from "../../network/session.js";
import { busy, field, showProblem } from "../../components/widgets.js";

/** The session of a login response. Throws when it has no token. */
function sessionOf(answer, email) {
  const found = { ...answer, ...answer.data };
  const token = found.token ?? found.access_token ?? found.accessToken;
  if (!token) throw new ApiError(502, { code: "answer_unreadable" });
  const user = found.user ?? {};
  return { ...tokensOf({ ...found, token }), email, organizationId: found.organization_id ?? found.organization?.id ?? user.organization_id };
}

/** `start(session)` is called after a login. `registration`: whether new organizations can register. */
export function showLogin(root, { start, registration, message }) {
  let registering = false;

  function draw() {
    const fields = {
      ...(registering ? {
        name: field("name", "Your name", { autocomplete: "name", required: true, maxlength: 80 }),
        organization_name: field("organization_name", "Organization", { autocomplete: "organization", required: true, maxlength: 80 }),
      } : {}),
      email: field("email", "E-mail", { type: "email", autocomplete: "username", required: true }),
      password: field("password", "Password", { type: "password", required: true, autocomplete: registering ? "new-password" : "current-password" }, registering ? "At least 10 characters." : null),
    };
    const general = h("p", { class: "error box", role: "alert" }, message ?? "");
    const button = h("button", { class: "button primary wide", type: "submit" }, registering ? "Create account" : "Log in");
    const form = h("form", { novalidate: true, onsubmit }, ...Object.values(fields).map((entry) => entry.element), general, button);

    function onsubmit(event) {
      event.preventDefault();
      general.textContent = "";
      const missing = Object.values(fields).filter((entry) => !entry.input.value.trim());
      for (const entry of missing) entry.fail("Please fill this in.");
      if (missing.length) return void missing[0].input.focus();
      busy(button, () => submit(fields), (problem) => showProblem(problem, fields, general));
    }

    const other = h("button", { class: "link", type: "button", onclick: toggle }, registering ? "Log in" : "Create an account");
    root.replaceChildren(
      h("main", { class: "login" },
        h("div", { class: "login-card" },
          h("div", { class: "brand" }, h("img", { src: "/console/icon.svg", alt: "" }), "Switchboard"),
          h("div", null, h("h1", null, registering ? "Create your account" : "Welcome back"), h("p", { class: "muted" }, "Your WhatsApp accounts, conversations and bookings in one place.")),
          form,
          registration ? h("p", { class: "switch" }, registering ? "Already have one? " : "New here? ", other) : null)));
    Object.values(fields)[0].input.focus();
  }

  function toggle() {
    registering = !registering;
    message = null;
    draw();
  }

  async function submit(fields) {
    const body = Object.fromEntries(Object.entries(fields).map(([name, entry]) => [name, entry.input.value.trim()]));
    body.password = fields.password.input.value;
    const session = sessionOf(await post(registering ? "/api/auth/register" : "/api/auth/login", body), body.email);
    saveSession(session);
    start(session);
  }

  draw();
}
