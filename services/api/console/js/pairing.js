// The code an account is linked with, shown live: QR or 8 characters, the time left, and how to get another one.

import { fill, h, icon } from "./dom.js";
import { phone } from "./format.js";
import { codeDialog } from "./account_actions.js";
import { askForCode, attemptOf, isAsked, keepAttempt, recallCode, showCode, showsCode } from "./linking.js";
import { serverNow } from "./rest.js";
import { linkWithSimulator } from "./simulator.js";
import { known, on } from "./store.js";
import { busy } from "./widgets.js";

const STEPS = {
  qr: ["Open WhatsApp on the phone", "Settings, then Linked devices", "Link a device, and point the camera here"],
  code: ["Open WhatsApp on the phone", "Settings, Linked devices, Link a device", "Link with phone number instead, and type this code"],
};
/** Seconds that WhatsApp honours a code. */
const LASTS = { code: 160, qr: 60, laterQr: 20 };
const ENDED = new Set(["connected", "disconnected", "logged_out", "failed", "restricted"]);
/** Seconds after which no other QR code is expected any more. */
const PATIENCE = 5;

const secondsLeft = (pairing) => Math.ceil((new Date(pairing.expiresAt) - serverNow()) / 1000);

/** What the panel shows: "hidden", "asking", "code", "next" (QR code) or "ended". */
function stateOf(id, isMissing) {
  const pairing = known.pairing.get(id);
  if (isAsked(id)) return "asking";
  if (ENDED.has(known.instances.get(id)?.status)) return "hidden";
  if (!pairing) return isMissing && showsCode(known.instances.get(id)) ? "ended" : "hidden";
  const left = secondsLeft(pairing);
  if (left > 0) return "code";
  return pairing.method === "qr" && left > -PATIENCE ? "next" : "ended";
}

/** → {element, close}; hidden while there is nothing to scan. `fail(problem)` shows an error on the card. */
export function pairingPanel(id, fail) {
  const element = h("div", { class: "pairing", hidden: true });
  const left = h("span", { class: "left" });
  const bar = h("i", { class: "bar" });
  const said = h("p", { class: "small muted said", role: "status" });
  let timer = null;
  let drawn = "hidden";
  /** The server said that it shows no code. */
  let isMissing = false;
  let isReading = false;
  let closed = false;

  function tick() {
    const pairing = known.pairing.get(id);
    if (stateOf(id, isMissing) !== drawn) return draw();
    if (!pairing || drawn === "asking") return;
    const seconds = Math.max(0, secondsLeft(pairing));
    const total = pairing.method === "code" ? LASTS.code : pairing.attempt > 1 ? LASTS.laterQr : LASTS.qr;
    left.textContent = seconds ? `${seconds} s left` : "";
    bar.style.setProperty("--left", Math.min(1, seconds / Math.max(total, seconds)));
  }

  function draw() {
    const state = drawn = stateOf(id, isMissing);
    const pairing = known.pairing.get(id);
    const { method } = pairing ?? attemptOf(id);
    element.hidden = state === "hidden";
    element.dataset.state = state;
    clearInterval(timer);
    if (state === "hidden") return void fill(element);
    timer = setInterval(tick, 500);
    said.textContent = sentence(state, method);
    fill(element, state === "code" ? picture(pairing) : h("div", { class: `no-code ${method}` }, icon(state === "ended" ? "alert" : "clock")),
      h("div", { class: "how" },
        state === "code" && h("ol", null, STEPS[method].map((step) => h("li", null, step))),
        state === "code" && h("div", { class: "countdown" }, bar, h("p", { class: "small muted" }, left, about(pairing))),
        said, buttons(state, method, pairing)));
    tick();
  }

  function about({ attempt, phoneNumber }) {
    return [attempt && ` · code ${attempt}`, phoneNumber && ` · for ${phone(phoneNumber)}`].filter(Boolean).join("");
  }

  function buttons(state, method, pairing) {
    const instance = known.instances.get(id);
    if (!instance) return null;
    const asking = state === "asking";
    const press = (key, label, kind, work) => h("button", {
      class: `button ${kind}`, type: "button", "data-key": key, "aria-disabled": asking ? "true" : null,
      onclick: (event) => !asking && (fail({ message: "" }), busy(event.currentTarget, work, fail)),
    }, label);
    const canScan = state === "code" && instance.network === "simulator" && known.config.simulator;
    const renewing = method === "code" || state !== "code";
    return h("div", { class: "pairing-actions" },
      canScan && press("scan", method === "qr" ? [icon("scan"), "Scan with the simulated phone"] : "Type it on the simulated phone", "primary", () => linkWithSimulator(id)),
      renewing && press("renew", method === "code" ? "New code" : "New QR code", canScan || state === "code" ? "" : "primary", () => again(instance, method)),
      press("switch", method === "code" ? "Use a QR code instead" : "Use a code instead", "", () => again(instance, method === "code" ? "qr" : "code", true)));
  }

  /** Another code: of the same kind for the same number, or of the other kind. */
  function again(instance, method, switched = false) {
    if (method === "qr") return askForCode(instance, { method });
    const phoneNumber = switched ? null : known.pairing.get(id)?.phoneNumber ?? attemptOf(id).phoneNumber;
    return phoneNumber ? askForCode(instance, { method, phoneNumber }) : codeDialog(instance);
  }

  /** The code on show was issued before this page listened. */
  async function recall() {
    if (isReading || !showsCode(known.instances.get(id)) || isAsked(id)) return;
    isReading = true;
    const before = known.pairing.get(id);
    const code = await recallCode(id).catch(() => undefined); // a failure says nothing about the code
    isReading = false;
    if (closed || code === undefined || known.pairing.get(id) !== before) return;
    isMissing = code === null;
    if (code) showCode(id, code);
    else {
      known.pairing.delete(id);
      draw();
    }
  }

  function changed(which) {
    const pairing = known.pairing.get(id);
    const { status } = known.instances.get(id) ?? {};
    if (status === "connected") keepAttempt(id, null);
    if (pairing) {
      isMissing = false;
      keepAttempt(id, { method: pairing.method, phoneNumber: pairing.phoneNumber });
    } else if (!isMissing) recall(); // a status may be told before its code
    if (which === id || stateOf(id, isMissing) !== drawn) draw();
  }

  const stops = [on("pairing", (which) => which === id && changed(id)), on("instances", changed), on("resync", recall)];
  draw();
  recall();
  return { element, close: () => { closed = true; clearInterval(timer); for (const stop of stops) stop(); } };
}

function sentence(state, method) {
  if (state === "asking") return "Asking WhatsApp for a code…";
  if (state === "next") return "A new code is on its way…";
  if (state !== "ended") return "";
  return method === "code" ? "This code has expired. Ask for a new one." : "This QR code has expired, and a phone that scans it now waits in vain. Ask for a new one.";
}

function picture(pairing) {
  if (pairing.method === "code") return h("output", { class: "code", "aria-label": `Code to type on the phone: ${[...pairing.pairingCode.replace("-", "")].join(" ")}` }, pairing.pairingCode.replace(/^(.{4})-?/, "$1-"));
  if (!pairing.dataUrl?.startsWith("data:image/")) return h("p", { class: "error" }, "The server sent no picture of the code.");
  return h("img", { class: "qr", src: pairing.dataUrl, alt: "QR code to scan with WhatsApp" });
}
