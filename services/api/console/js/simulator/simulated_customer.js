// The chat of the simulated customer: writes, receives and sends read receipts as a person would.

import { h, icon } from "../components/dom.js";
import { clock, phone } from "../format.js";
import { call, get, post } from "../network/rest.js";
import { avatar, busy } from "../components/widgets.js";

const SUGGESTIONS = ["Hello! Do you have a table for two tonight?", "Could I come tomorrow at 10?", "Great, thank you!"];
const READ_DELAY_MS = 1500;
const TYPING_INTERVAL_MS = 5000;
const keyOf = (instance) => `switchboard.customer.${instance.id}`;

function loadCustomer(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** The customer of an account, created once: {number, name, said: [{text, at}], keep()} */
export async function createCustomer(instance) {
  const key = keyOf(instance);
  let customer = loadCustomer(key);
  if (customer && !(await get(`/api/simulator/contacts/${customer.number}`).catch(() => null))) customer = null;
  if (!customer) {
    const { number, name } = await post("/api/simulator/contacts", { auto_receipts: ["delivered"] });
    customer = { number, name, said: [] };
  }
  const keep = () => localStorage.setItem(key, JSON.stringify({ ...customer, said: customer.said.slice(-100) }));
  keep();
  return Object.assign(customer, { keep });
}

const time = (at) => new Date(typeof at === "number" ? at * 1000 : at).toISOString();

/** → {element, close}. `to`: the account's phone number. */
export function customerChat(customer, to) {
  const log = h("div", { class: "customer-log", role: "log", "aria-label": `Chat of ${customer.name}` });
  const error = h("p", { class: "error", role: "alert" });
  const input = h("input", { class: "input", "aria-label": `Write as ${customer.name}`, placeholder: `Write as ${customer.name.split(" ")[0]}…`, maxlength: 4000, autocomplete: "off", oninput: inputChanged });
  const button = h("button", { class: "button primary icon-only", type: "submit", "aria-label": `Send as ${customer.name}` }, icon("send"));
  const suggestions = h("div", { class: "suggestions" }, SUGGESTIONS.map((text) => h("button", { class: "suggestion", type: "button", onclick: () => { input.value = text; input.focus(); } }, text)));
  const form = h("form", { class: "customer-form", onsubmit }, input, button);
  const element = h("div", { class: "customer" },
    h("div", { class: "customer-head" }, avatar(customer.name), h("div", null, h("h3", null, customer.name), h("p", { class: "muted small" }, `Simulated customer · ${phone(customer.number)}`))),
    log, suggestions, error, form);
  const aborter = new AbortController();
  const lines = customer.said.map((said) => ({ mine: true, ...said }));
  let lastIndex = 0;
  let typingSentAt = 0;

  function inputChanged() {
    if (!input.value || Date.now() - typingSentAt < TYPING_INTERVAL_MS) return;
    typingSentAt = Date.now();
    post(`/api/simulator/contacts/${customer.number}/typing`, { to, state: "composing" }).catch(() => {});
  }

  function draw() {
    lines.sort((one, other) => one.at.localeCompare(other.at));
    log.replaceChildren(...lines.map((line) => h("p", { class: line.mine ? "line mine" : "line" }, h("span", null, line.text), h("time", null, clock(line.at)))));
    log.scrollTop = log.scrollHeight;
  }

  function onsubmit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    error.textContent = "";
    busy(button, async () => {
      const sent = await post(`/api/simulator/contacts/${customer.number}/write`, { to, text });
      input.value = "";
      typingSentAt = 0;
      const said = { text, at: time(sent.sent_at ?? Date.now() / 1000) };
      customer.said.push(said);
      customer.keep();
      lines.push({ mine: true, ...said });
      draw();
      input.focus();
    }, (problem) => { error.textContent = problem.message; });
  }

  async function listen() {
    while (!aborter.signal.aborted) {
      try {
        const { messages } = await call("GET", `/api/simulator/contacts/${customer.number}/inbox`, { query: { after: lastIndex, wait: 20 }, signal: aborter.signal, timeLimitMs: 40_000 });
        lastIndex = messages.at(-1)?.index ?? lastIndex;
        const texts = messages.filter((message) => message.from === to && message.text);
        lines.push(...texts.map((message) => ({ text: message.text, at: time(message.at) })));
        if (texts.length) {
          draw();
          setTimeout(() => read(texts), READ_DELAY_MS);
        }
      } catch (problem) {
        if (aborter.signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, problem.status ? 3000 : 1000));
      }
    }
  }

  const read = (messages) => post(`/api/simulator/contacts/${customer.number}/receipts`, { to, ids: messages.map((message) => message.id), kind: "read" }).catch(() => {});

  draw();
  listen();
  return { element, close: () => aborter.abort() };
}
