// The dock of the simulated phone: guides through linking, receiving and answering, with the customer's chat.

import { createInstance, startPairing } from "../pages/numbers/account_actions.js";
import { fill, h, icon } from "../components/dom.js";
import { phone } from "../format.js";
import { displayError, RequestError } from "../network/errors.js";
import { get, post } from "../network/rest.js";
import { customerChat, createCustomer } from "./simulated_customer.js";
import { cacheAll, store, listOf, nextVersion, on, publish } from "../store/store.js";
import { busy } from "../components/widgets.js";

const STORAGE_KEY = "switchboard.simulated";
const narrow = matchMedia("(max-width: 860px)");
let shownId = sessionStorage.getItem(STORAGE_KEY);

/** The element that opened the dock; it gets the focus back. */
let opener = null;
let openerKey = null;

function show(instanceId, key = document.activeElement?.dataset.key) {
  if (instanceId && !shownId) [opener, openerKey] = [document.activeElement, key];
  shownId = instanceId;
  if (instanceId) sessionStorage.setItem(STORAGE_KEY, instanceId);
  else sessionStorage.removeItem(STORAGE_KEY);
  publish("simulator");
}

export const showSimulator = (instance) => show(instance.id);

/** Creates an instance on the simulated network, shows its QR code and opens the dock. */
export async function startSimulator() {
  const instances = [...store.instances.values()].filter((instance) => instance.network === "simulator");
  const name = instances.length ? `Simulated phone ${instances.length + 1}` : "Simulated phone";
  const instance = await createInstance({ instance_name: name, network: "simulator" });
  show(instance.id, "simulate");
  await startPairing(instance, "qr");
}

/** A new simulated phone scans the current QR code, or the phone of the pairing code types it. */
export async function linkWithSimulator(instanceId) {
  const { qr, pairingCode, phoneNumber } = store.pairing.get(instanceId) ?? {};
  if (!qr && !pairingCode) throw new RequestError({ code: "qr_not_available" });
  if (qr) {
    const made = await post("/api/simulator/phones", {});
    await post(`/api/simulator/phones/${made.number}/scan`, { qr });
  } else await post(`/api/simulator/phones/${phoneNumber}/enter-code`, { code: pairingCode });
  show(instanceId);
}

/** Moves the focus to the element that opened the dock, to its replacement, or to the view. */
function restoreFocus() {
  const again = openerKey && document.querySelector(`main [data-key="${CSS.escape(openerKey)}"]`);
  const target = opener?.isConnected && opener !== document.body ? opener : again ?? document.querySelector("main");
  target?.focus();
}

const LINKED = new Set(["connected", "reconnecting"]);

/** The steps for a new user, in order; `done`: whether the step is finished. */
function stepsOf(instance) {
  const linked = LINKED.has(instance.status);
  const conversations = [...store.conversations.values()].filter((conversation) => conversation.instance_id === instance.id);
  return [
    { title: "A code appears", text: "Shown live on the account's card, a new QR code every minute.", done: linked || store.pairing.has(instance.id) },
    { title: "The phone scans it", text: "As you would with WhatsApp's camera.", done: linked, act: "scan" },
    { title: "A customer writes", text: "Message, contact and booking appear by themselves.", done: conversations.length > 0, act: "customer" },
    { title: "You answer from the inbox", text: "Watch the ticks: sent, delivered, read.", done: conversations.some((conversation) => conversation.last_message?.direction === "outbound"), act: "answer" },
  ];
}

const readIds = new Set();

/** Reads one page of earlier conversations, which shows the steps that are done. */
async function readConversations(instanceId) {
  if (readIds.has(instanceId)) return;
  readIds.add(instanceId);
  const since = nextVersion();
  const answer = await get("/api/conversations", { instance_id: instanceId, limit: 20 }).catch(() => null);
  if (!answer) readIds.delete(instanceId);
  else cacheAll("conversations", listOf(answer, "conversations"), since);
}

/** Fills the dock. → a function that stops it */
export function dockSimulator(dock) {
  let chat = null;
  let chatOf = null;
  const steps = h("ol", { class: "steps" });
  const error = h("p", { class: "error box", role: "alert" });
  const chatArea = h("div", { class: "chat-area" });
  const title = h("div", { class: "who", tabindex: -1 });
  const close = h("button", { class: "button quiet icon-only", type: "button", "aria-label": "Close the simulated phone", onclick: () => show(null) }, icon("close"));
  const panel = h("section", { class: "simulated", "aria-label": "Simulated phone" },
    h("header", null, h("span", { class: "device simulator" }, icon("phone")), title, close), steps, error, chatArea);
  let drawn = "";
  /** The page changes to another view, which gets the focus. */
  let isLeavingView = false;

  const run = (work) => (event) => { error.textContent = ""; busy(event.currentTarget, work, (problem) => { error.textContent = problem.message; }); };

  function draw() {
    const instance = store.instances.get(shownId);
    dock.hidden = !instance;
    if (!instance) return stopChat();
    readConversations(instance.id);
    const list = stepsOf(instance);
    const fingerprint = JSON.stringify([instance, list, store.pairing.get(shownId)?.method]);
    if (!dock.contains(panel)) dock.replaceChildren(panel);
    if (fingerprint === drawn) return;
    drawn = fingerprint;
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
    if (step.act === "scan") return h("button", { class: "button primary small", type: "button", "data-key": "dock-scan", onclick: run(() => linkWithSimulator(instance.id)) }, icon("scan"), store.pairing.get(instance.id)?.method === "code" ? "Type it on the simulated phone" : "Scan with the simulated phone");
    if (step.act === "answer" && !location.hash.startsWith("#/inbox/")) {
      const conversation = [...store.conversations.values()].find((conversation) => conversation.instance_id === instance.id);
      return conversation ? h("a", { class: "button primary small", href: `#/inbox/${conversation.id}`, "data-key": "dock-answer" }, icon("inbox"), "Open the conversation") : null;
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
      const customer = await createCustomer(instance);
      if (chatOf !== instance.id) return;
      chat = customerChat(customer, instance.phone_number);
      fill(chatArea, chat.element);
    } catch (problem) {
      chatOf = null;
      fill(chatArea, h("button", { class: "button", type: "button", onclick: () => openChat(instance) }, "Try again"));
      error.textContent = displayError(problem).message;
    }
  }

  function stopChat() {
    chat?.close();
    chat = chatOf = null;
    drawn = "";
    fill(chatArea);
  }

  /** Moves the focus when the user opens or closes the dock. */
  function visibilityChanged() {
    const before = !dock.hidden;
    draw();
    if (before === !dock.hidden) return;
    if (!dock.hidden) title.focus({ preventScroll: true });
    else if (!isLeavingView) restoreFocus();
  }

  /** On a small screen the dock covers the page: Escape closes it from anywhere, but only after an open dialog or menu. */
  function onkeydown(event) {
    if (event.key !== "Escape" || dock.hidden || event.defaultPrevented || document.querySelector("dialog[open], [role=menu]")) return;
    if (!panel.contains(event.target) && !(narrow.matches && !event.target.matches("input, textarea"))) return;
    show(null);
  }

  const stops = [on("simulator", visibilityChanged), ...["instances", "pairing", "conversations"].map((topic) => on(topic, draw))];
  addEventListener("hashchange", redraw);
  addEventListener("keydown", onkeydown);
  function redraw() {
    // on a small screen the dock covers the composer
    isLeavingView = true;
    if (narrow.matches && location.hash.startsWith("#/inbox/")) show(null);
    isLeavingView = false;
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
