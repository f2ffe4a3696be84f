// The simulated phone: a dock that leads through the whole job, and lets a person write as the customer.

import { createInstance, startPairing } from "./account_actions.js";
import { fill, h, icon } from "./dom.js";
import { phone } from "./format.js";
import { forPeople, Refusal } from "./errors.js";
import { get, post } from "./rest.js";
import { customerChat, makeCustomer } from "./simulated_customer.js";
import { keepAll, known, listOf, mark, on, tell } from "./store.js";
import { busy } from "./widgets.js";

const KEY = "switchboard.simulated";
const narrow = matchMedia("(max-width: 860px)");
let shown = sessionStorage.getItem(KEY);

/** What the panel was opened with: gets the focus back. */
let opener = null;
let openerKey = null;

function show(instanceId, key = document.activeElement?.dataset.key) {
  if (instanceId && !shown) [opener, openerKey] = [document.activeElement, key];
  shown = instanceId;
  if (instanceId) sessionStorage.setItem(KEY, instanceId);
  else sessionStorage.removeItem(KEY);
  tell("simulator");
}

export const showSimulator = (instance) => show(instance.id);

/** The button on the accounts page: an instance on the simulated network, its QR, and the dock beside it. */
export async function startSimulator() {
  const instances = [...known.instances.values()].filter((instance) => instance.network === "simulator");
  const name = instances.length ? `Simulated phone ${instances.length + 1}` : "Simulated phone";
  const instance = await createInstance({ instance_name: name, network: "simulator" });
  show(instance.id, "simulate");
  await startPairing(instance, "qr");
}

/** A new simulated phone scans the QR code on show, or the phone that it is for types the code. */
export async function linkWithSimulator(instanceId) {
  const { qr, pairingCode, phoneNumber } = known.pairing.get(instanceId) ?? {};
  if (!qr && !pairingCode) throw new Refusal({ code: "qr_not_available" });
  if (qr) {
    const made = await post("/api/simulator/phones", {});
    await post(`/api/simulator/phones/${made.number}/scan`, { qr });
  } else await post(`/api/simulator/phones/${phoneNumber}/enter-code`, { code: pairingCode });
  show(instanceId);
}

/** To what the panel was opened with, or what is drawn in its place, or the view. */
function giveFocusBack() {
  const again = openerKey && document.querySelector(`main [data-key="${CSS.escape(openerKey)}"]`);
  const target = opener?.isConnected && opener !== document.body ? opener : again ?? document.querySelector("main");
  target?.focus();
}

const LINKED = new Set(["connected", "reconnecting"]);

/** What a newcomer sees, in order; `done` is true or false for a finished or open step. */
function stepsOf(instance) {
  const linked = LINKED.has(instance.status);
  const talks = [...known.conversations.values()].filter((conversation) => conversation.instance_id === instance.id);
  return [
    { title: "A code appears", text: "Shown live on the account's card, a new QR code every minute.", done: linked || known.pairing.has(instance.id) },
    { title: "The phone scans it", text: "As you would with WhatsApp's camera.", done: linked, act: "scan" },
    { title: "A customer writes", text: "Message, contact and booking appear by themselves.", done: talks.length > 0, act: "customer" },
    { title: "You answer from the inbox", text: "Watch the ticks: sent, delivered, read.", done: talks.some((talk) => talk.last_message?.direction === "outbound"), act: "answer" },
  ];
}

const asked = new Set();

/** The conversations that were there before this page: one page of them tells which step is done. */
async function readTalks(instanceId) {
  if (asked.has(instanceId)) return;
  asked.add(instanceId);
  const since = mark();
  const answer = await get("/api/conversations", { instance_id: instanceId, limit: 20 }).catch(() => null);
  if (!answer) asked.delete(instanceId);
  else keepAll("conversations", listOf(answer, "conversations"), since);
}

/** Fills the dock; returns how to stop. */
export function dockSimulator(dock) {
  let chat = null;
  let chatOf = null;
  const steps = h("ol", { class: "steps" });
  const error = h("p", { class: "error box", role: "alert" });
  const stage = h("div", { class: "stage" });
  const title = h("div", { class: "who", tabindex: -1 });
  const close = h("button", { class: "button quiet icon-only", type: "button", "aria-label": "Close the simulated phone", onclick: () => show(null) }, icon("close"));
  const panel = h("section", { class: "simulated", "aria-label": "Simulated phone" },
    h("header", null, h("span", { class: "device simulator" }, icon("phone")), title, close), steps, error, stage);
  let drawn = "";
  /** The page goes on to another view, which has the focus then. */
  let isLeft = false;

  const run = (work) => (event) => { error.textContent = ""; busy(event.currentTarget, work, (problem) => { error.textContent = problem.message; }); };

  function draw() {
    const instance = known.instances.get(shown);
    dock.hidden = !instance;
    if (!instance) return stopChat();
    readTalks(instance.id);
    const list = stepsOf(instance);
    const looks = JSON.stringify([instance, list, known.pairing.get(shown)?.method]);
    if (!dock.contains(panel)) dock.replaceChildren(panel);
    if (looks === drawn) return;
    drawn = looks;
    fill(title, h("h2", null, instance.instance_name), h("p", { class: "muted small" }, instance.phone_number ? phone(instance.phone_number) : "Not linked yet"));
    const current = list.find((step) => !step.done);
    fill(steps, ...list.map((step) => drawStep(step, step === current, instance)));
    steps.hidden = !current;
    if (LINKED.has(instance.status) && instance.phone_number) openChat(instance);
    else stopChat();
  }

  function drawStep(step, isCurrent, instance) {
    return h("li", { class: step.done ? "done" : isCurrent ? "current" : "", "aria-current": isCurrent ? "step" : null },
      h("span", { class: "mark" }, step.done ? icon("check", "done") : null),
      h("div", null, h("h3", null, step.title), isCurrent ? h("p", { class: "small muted" }, step.text) : null, isCurrent ? stepAction(step, instance) : null));
  }

  function stepAction(step, instance) {
    if (step.act === "scan") return h("button", { class: "button primary small", type: "button", "data-key": "dock-scan", onclick: run(() => linkWithSimulator(instance.id)) }, icon("scan"), known.pairing.get(instance.id)?.method === "code" ? "Type it on the simulated phone" : "Scan with the simulated phone");
    if (step.act === "answer" && !location.hash.startsWith("#/inbox/")) {
      const talk = [...known.conversations.values()].find((conversation) => conversation.instance_id === instance.id);
      return talk ? h("a", { class: "button primary small", href: `#/inbox/${talk.id}`, "data-key": "dock-answer" }, icon("inbox"), "Open the conversation") : null;
    }
    if (!step.act && ["disconnected", "logged_out", "failed"].includes(instance.status)) {
      return h("button", { class: "button primary small", type: "button", "data-key": "dock-qr", onclick: run(() => startPairing(instance, "qr")) }, "Connect");
    }
    return null;
  }

  async function openChat(instance) {
    if (chatOf === instance.id) return;
    stopChat();
    chatOf = instance.id;
    try {
      const customer = await makeCustomer(instance);
      if (chatOf !== instance.id) return;
      chat = customerChat(customer, instance.phone_number);
      fill(stage, chat.element);
    } catch (problem) {
      chatOf = null;
      fill(stage, h("button", { class: "button", type: "button", onclick: () => openChat(instance) }, "Try again"));
      error.textContent = forPeople(problem).message;
    }
  }

  function stopChat() {
    chat?.close();
    chat = chatOf = null;
    drawn = "";
    fill(stage);
  }

  /** Opened or closed by a person: the focus goes along. */
  function moved() {
    const before = !dock.hidden;
    draw();
    if (before === !dock.hidden) return;
    if (!dock.hidden) title.focus({ preventScroll: true });
    else if (!isLeft) giveFocusBack();
  }

  /** On a small screen the panel lies above the page: Escape closes it from everywhere, but not before what is open on it. */
  function onkeydown(event) {
    if (event.key !== "Escape" || dock.hidden || event.defaultPrevented || document.querySelector("dialog[open], .menu")) return;
    if (!panel.contains(event.target) && !(narrow.matches && !event.target.matches("input, textarea"))) return;
    show(null);
  }

  const stops = [on("simulator", moved), ...["instances", "pairing", "conversations"].map((topic) => on(topic, draw))];
  addEventListener("hashchange", redraw);
  addEventListener("keydown", onkeydown);
  function redraw() {
    // on a small screen the dock covers the composer: leave room to answer
    isLeft = true;
    if (narrow.matches && location.hash.startsWith("#/inbox/")) show(null);
    isLeft = false;
    drawn = "";
    draw();
  }
  draw();
  return () => {
    removeEventListener("hashchange", redraw);
    removeEventListener("keydown", onkeydown);
    for (const stop of stops) stop();
    chat?.close();
  };
}
