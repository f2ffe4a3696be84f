// The accounts: one card each, live.

import { addAccount, codeDialog, openMenu, startPairing } from "./account_actions.js";
import { arrange, fill, h, icon } from "../../components/dom.js";
import { clock, phone, when } from "../../format.js";
import { requestCode, attemptOf, isRequestingCode } from "./linking.js";
import { pairingPanel } from "./pairing.js";
import { reasonText } from "../../network/errors.js";
import { showSimulator, startSimulator } from "../../simulator/simulator.js";
import { store, on } from "../../store/store.js";
import { busy, emptyState, toast } from "../../components/widgets.js";

/** status → [badge class, word, sentence] */
const STATES = {
  connected: ["ok", "Online", "Messages arrive and can be sent."],
  connecting: ["info busy", "Connecting", "Talking to WhatsApp."],
  reconnecting: ["warn busy", "Reconnecting", "The connection was lost and is being made again by itself."],
  qr_pending: ["info busy", "Waiting for the scan", "Scan the code with the phone of this account."],
  pairing: ["info busy", "Waiting for the phone", "Type the code on the phone of this account."],
  disconnected: ["", "Offline", "Not connected. Connect to receive and send messages."],
  logged_out: ["bad", "Logged out", "The phone removed this device. Connect again with a new code."],
  restricted: ["bad", "Restricted", "WhatsApp restricts this account for now."],
  failed: ["bad", "Failed", "The connection failed. Connect to try again."],
};

/** Reasons of an account whose code was not used. */
const UNUSED_CODE = new Set(["pairing_timeout", "pairing_failed"]);
const IDLE = new Set(["disconnected", "logged_out", "failed", "restricted"]);

/** Draws the view; returns {close}. */
export function showAccounts(view) {
  const cards = new Map();
  const list = h("div", { class: "cards" });
  const add = () => h("button", { class: "button primary", type: "button", onclick: addAccount }, icon("plus"), "Add a WhatsApp account");
  const simulateButton = () => store.config.simulator
    ? h("button", { class: "button", type: "button", "data-key": "simulate", onclick: (event) => busy(event.currentTarget, startSimulator, (problem) => toast(problem.message, "bad")) }, icon("play"), "Try it with a simulated phone")
    : null;
  const tools = h("div", { class: "tools" });

  function draw() {
    const instances = [...store.instances.values()].sort((one, other) => other.created_at?.localeCompare(one.created_at ?? "") ?? 0);
    for (const [id, card] of cards) if (!store.instances.has(id)) drop(id, card);
    fill(tools, ...(instances.length ? [simulateButton(), add()] : []));
    if (!store.loaded.has("instances")) return void fill(list, h("p", { class: "muted" }, "Loading…"));
    if (!instances.length) {
      const text = store.config.simulator
        ? "Link a WhatsApp account by scanning a code, or see everything work first with a phone that only exists here."
        : "Link a WhatsApp account by scanning a code with your phone.";
      return void fill(list, h("div", { class: "card first" }, emptyState("accounts", "Link your first account", text, h("div", { class: "actions center" }, add(), simulateButton()))));
    }
    const elements = instances.map((instance) => {
      if (!cards.has(instance.id)) cards.set(instance.id, accountCard(instance.id));
      cards.get(instance.id).draw();
      return cards.get(instance.id).element;
    });
    arrange(list, elements);
  }

  function drop(id, card) {
    card.close();
    cards.delete(id);
  }

  fill(view, h("div", { class: "page" },
    h("header", { class: "page-head" }, h("div", { class: "title" }, h("h1", null, "Accounts"), h("p", { class: "muted" }, "The WhatsApp accounts this organization answers from.")), tools),
    list));
  draw();
  const stops = [on("instances", draw), on("pairing", draw)];
  return { close: () => { for (const stop of stops) stop(); for (const card of cards.values()) card.close(); } };
}

function accountCard(id) {
  const head = h("div", { class: "card-head" });
  const reason = h("p", { class: "reason" });
  const error = h("p", { class: "error box", role: "alert" });
  const actions = h("div", { class: "card-actions" });
  const pairing = pairingPanel(id, (problem) => { error.textContent = problem.message; });
  const element = h("article", { class: "card account" }, head, reason, pairing.element, error, actions);
  let drawnFingerprint = "";

  function draw() {
    const instance = store.instances.get(id);
    const fingerprint = JSON.stringify([instance, store.pairing.has(id), isRequestingCode(id)]);
    if (fingerprint === drawnFingerprint) return;
    drawnFingerprint = fingerprint;
    const [kind, word, sentence] = STATES[instance.status] ?? ["", instance.status, ""];
    element.setAttribute("aria-label", `${instance.instance_name}: ${word}`);
    element.dataset.status = instance.status;
    fill(head,
      h("span", { class: `device ${instance.network}` }, icon("phone")),
      h("div", { class: "who" }, h("h2", null, instance.instance_name),
        h("p", { class: "muted small" }, [phone(instance.phone_number), instance.network === "simulator" && "simulated"].filter(Boolean).join(" · ") || "No number yet")),
      h("span", { class: `badge dot ${kind}`, role: "status" }, word),
      h("button", { class: "button quiet icon-only", type: "button", "data-key": "more", "aria-haspopup": "menu", "aria-label": `More for ${instance.instance_name}`, onclick: (event) => openMenu(event.currentTarget, store.instances.get(id), fail) }, icon("more")));
    reason.textContent = [reasonText(instance.reason) ?? sentence, instance.until && `Until ${when(instance.until)}, ${clock(instance.until)}.`].filter(Boolean).join(" ");
    reason.classList.toggle("bad", kind === "bad");
    fill(actions, ...buttons(instance));
    if (instance.status === "connected") error.textContent = ""; // an earlier error is over
  }

  const fail = (problem) => { error.textContent = problem.message; };
  const run = (work) => (event) => { error.textContent = ""; busy(event.currentTarget, work, fail); };

  function buttons(instance) {
    if (instance.status === "connected") {
      const inbox = h("a", { class: "button", href: "#/inbox", "data-key": "inbox" }, icon("inbox"), "Open inbox");
      const customer = h("button", { class: "button", type: "button", "data-key": "customer", onclick: () => showSimulator(instance) }, icon("contacts"), "Simulated customer");
      return instance.network === "simulator" && store.config.simulator ? [inbox, customer] : [inbox];
    }
    if (!IDLE.has(instance.status) || isRequestingCode(id)) return [];
    if (UNUSED_CODE.has(instance.reason)) return anotherCode(instance);
    const qr = h("button", { class: "button primary", type: "button", "data-key": "qr", onclick: run(() => startPairing(instance, "qr")) }, icon("scan"), "Connect");
    const byCode = h("button", { class: "button", type: "button", "data-key": "code", onclick: run(() => startPairing(instance, "code")) }, "Use a code instead");
    const needsNoCode = instance.network === "simulator" || (instance.status === "disconnected" && instance.last_connected_at);
    return needsNoCode ? [qr] : [qr, byCode];
  }

  /** After an unused code: offers another code of the same kind, or of the other kind. */
  function anotherCode(instance) {
    const attempt = attemptOf(id);
    const isCode = attempt.method === "code" && attempt.phoneNumber;
    const button = (key, label, kind, work) => h("button", { class: `button ${kind}`, type: "button", "data-key": key, onclick: run(work) }, label);
    return [
      button("renew", isCode ? "New code" : "New QR code", "primary", () => requestCode(instance, isCode ? attempt : { method: "qr" })),
      button("switch", isCode ? "Use a QR code instead" : "Use a code instead", "", () => isCode ? requestCode(instance, { method: "qr" }) : codeDialog(instance)),
    ];
  }

  return { element, draw, close: pairing.close };
}
