// The code an account is linked with, shown live: QR or 8 characters, the time left, the attempt.

import { fill, h, icon } from "./dom.js";
import { get } from "./rest.js";
import { pathOf } from "./account_actions.js";
import { scanWithSimulator } from "./simulator.js";
import { known, on } from "./store.js";
import { busy } from "./widgets.js";

const STEPS = {
  qr: ["Open WhatsApp on the phone", "Settings, then Linked devices", "Link a device, and point the camera here"],
  code: ["Open WhatsApp on the phone", "Settings, Linked devices, Link a device", "Link with phone number instead, and type this code"],
};

/** → {element, close}; hidden while there is nothing to scan. `fail(problem)` shows an error on the card. */
export function pairingPanel(id, fail) {
  const element = h("div", { class: "pairing", hidden: true });
  const left = h("span", { class: "left" });
  const bar = h("i", { class: "bar" });
  let timer = null;
  let total = 60;

  function tick() {
    const pairing = known.pairing.get(id);
    const seconds = pairing ? Math.max(0, Math.ceil((new Date(pairing.expiresAt) - Date.now()) / 1000)) : 0;
    left.textContent = seconds ? `${seconds} s left` : "A new code is on its way…";
    bar.style.setProperty("--left", Math.min(1, seconds / total));
    element.classList.toggle("expired", seconds === 0);
  }

  function draw() {
    const pairing = known.pairing.get(id);
    element.hidden = !pairing;
    clearInterval(timer);
    if (!pairing) return void fill(element);
    total = Math.max(1, (new Date(pairing.expiresAt) - Date.now()) / 1000);
    timer = setInterval(tick, 500);
    tick();
    fill(element, picture(pairing), h("div", { class: "how" },
      h("ol", null, STEPS[pairing.method].map((step) => h("li", null, step))),
      h("div", { class: "countdown" }, bar, h("p", { class: "small muted" }, left, pairing.attempt ? ` · code ${pairing.attempt}` : "")),
      simulated() ? scanButton() : null));
  }

  const simulated = () => known.instances.get(id)?.network === "simulator" && known.config.simulator;

  function scanButton() {
    return h("button", { class: "button primary", type: "button", "data-key": "scan", onclick: (event) => busy(event.currentTarget, () => scanWithSimulator(id), fail) }, icon("scan"), "Scan with the simulated phone");
  }

  // after a reload the code on show was issued before this page listened
  async function recall() {
    if (known.pairing.has(id) || known.instances.get(id)?.status !== "qr_pending") return;
    const answer = await get(pathOf({ id }, "/qr")).catch(() => null);
    const qr = answer && { ...answer, ...answer.data };
    if (!qr?.data_url || known.pairing.has(id)) return;
    known.pairing.set(id, { method: "qr", qr: qr.qr, dataUrl: qr.data_url, attempt: qr.attempt, expiresAt: qr.expires_at });
    draw();
  }

  const stops = [on("pairing", (changed) => changed === id && draw()), on("resync", recall)];
  draw();
  recall();
  return { element, close: () => { clearInterval(timer); for (const stop of stops) stop(); } };
}

function picture(pairing) {
  if (pairing.method === "code") return h("output", { class: "code", "aria-label": "Code to type on the phone" }, pairing.pairingCode.replace(/^(.{4})-?/, "$1-"));
  if (!pairing.dataUrl?.startsWith("data:image/")) return h("p", { class: "error" }, "The server sent no picture of the code.");
  return h("img", { class: "qr", src: pairing.dataUrl, alt: "QR code to scan with WhatsApp" });
}
