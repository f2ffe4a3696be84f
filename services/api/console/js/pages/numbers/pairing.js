// The code that links an account, live: QR or 8 characters, the time left, and how to get another one.

import { fill, h, icon } from "../../components/dom.js";
import { phone } from "../../format.js";
import { codeDialog } from "./account_actions.js";
import { requestCode, attemptOf, isRequestingCode, saveAttempt, readCurrentCode, showCode, showsCode } from "./linking.js";
import { serverNow } from "../../network/rest.js";
import { linkWithSimulator } from "../../simulator/simulator.js";
import { store, on } from "../../store/store.js";
import { busy } from "../../components/widgets.js";

const STEPS = {
  qr: ["Open WhatsApp on the phone", "Settings, then Linked devices", "Link a device, and point the camera here"],
  code: ["Open WhatsApp on the phone", "Settings, Linked devices, Link a device", "Link with phone number instead, and type this code"],
};
/** Seconds for which WhatsApp accepts a code. */
const CODE_LIFETIME_S = { code: 160, qr: 60, laterQr: 20 };
const ENDED = new Set(["connected", "disconnected", "logged_out", "failed", "restricted"]);
/** Seconds after the expiry of a QR code within which the next one is expected. */
const NEXT_QR_TIMEOUT_S = 5;

const secondsLeft = (pairing) => Math.ceil((new Date(pairing.expiresAt) - serverNow()) / 1000);

/** The state of the panel: "hidden", "asking", "code", "next" (QR code) or "ended". */
function stateOf(id, isMissing) {
  const pairing = store.pairing.get(id);
  if (isRequestingCode(id)) return "asking";
  if (ENDED.has(store.instances.get(id)?.status)) return "hidden";
  if (!pairing) return isMissing && showsCode(store.instances.get(id)) ? "ended" : "hidden";
  const left = secondsLeft(pairing);
  if (left > 0) return "code";
  return pairing.method === "qr" && left > -NEXT_QR_TIMEOUT_S ? "next" : "ended";
}

/** → {element, close}; hidden while there is no code. `fail(problem)` shows an error on the card. */
export function pairingPanel(id, fail) {
  const element = h("div", { class: "pairing", hidden: true });
  const timeLeft = h("span", { class: "time-left" });
  const bar = h("i", { class: "bar" });
  const statusText = h("p", { class: "small muted pairing-status", role: "status" });
  let timer = null;
  let drawnState = "hidden";
  /** The server answered that there is no code. */
  let isMissing = false;
  let isReading = false;
  let closed = false;

  function updateCountdown() {
    const pairing = store.pairing.get(id);
    if (stateOf(id, isMissing) !== drawnState) return draw();
    if (!pairing || drawnState === "asking") return;
    const seconds = Math.max(0, secondsLeft(pairing));
    const total = pairing.method === "code" ? CODE_LIFETIME_S.code : pairing.attempt > 1 ? CODE_LIFETIME_S.laterQr : CODE_LIFETIME_S.qr;
    timeLeft.textContent = seconds ? `${seconds} s left` : "";
    bar.style.setProperty("--left", Math.min(1, seconds / Math.max(total, seconds)));
  }

  function draw() {
    const state = drawnState = stateOf(id, isMissing);
    const pairing = store.pairing.get(id);
    const { method } = pairing ?? attemptOf(id);
    element.hidden = state === "hidden";
    element.dataset.state = state;
    clearInterval(timer);
    if (state === "hidden") return void fill(element);
    timer = setInterval(updateCountdown, 500);
    statusText.textContent = sentence(state, method);
    fill(element, state === "code" ? picture(pairing) : h("div", { class: `no-code ${method}` }, icon(state === "ended" ? "alert" : "clock")),
      h("div", { class: "instructions" },
        state === "code" && h("ol", null, STEPS[method].map((step) => h("li", null, step))),
        state === "code" && h("div", { class: "countdown" }, bar, h("p", { class: "small muted" }, timeLeft, about(pairing))),
        statusText, buttons(state, method, pairing)));
    updateCountdown();
  }

  function about({ attempt, phoneNumber }) {
    return [attempt && ` · code ${attempt}`, phoneNumber && ` · for ${phone(phoneNumber)}`].filter(Boolean).join("");
  }

  function buttons(state, method, pairing) {
    const instance = store.instances.get(id);
    if (!instance) return null;
    const asking = state === "asking";
    const pairingButton = (key, label, kind, work) => h("button", {
      class: `button ${kind}`, type: "button", "data-key": key, "aria-disabled": asking ? "true" : null,
      onclick: (event) => !asking && (fail({ message: "" }), busy(event.currentTarget, work, fail)),
    }, label);
    const canScan = state === "code" && instance.network === "simulator" && store.config.simulator;
    const renewing = method === "code" || state !== "code";
    return h("div", { class: "pairing-actions" },
      canScan && pairingButton("scan", method === "qr" ? [icon("scan"), "Scan with the simulated phone"] : "Type it on the simulated phone", "primary", () => linkWithSimulator(id)),
      renewing && pairingButton("renew", method === "code" ? "New code" : "New QR code", canScan || state === "code" ? "" : "primary", () => renew(instance, method)),
      pairingButton("switch", method === "code" ? "Use a QR code instead" : "Use a code instead", "", () => renew(instance, method === "code" ? "qr" : "code", true)));
  }

  /** Requests another code: of the same kind for the same number, or of the other kind. */
  function renew(instance, method, switched = false) {
    if (method === "qr") return requestCode(instance, { method });
    const phoneNumber = switched ? null : store.pairing.get(id)?.phoneNumber ?? attemptOf(id).phoneNumber;
    return phoneNumber ? requestCode(instance, { method, phoneNumber }) : codeDialog(instance);
  }

  /** Reads the current code, which may have been issued before the page was loaded. */
  async function readCode() {
    if (isReading || !showsCode(store.instances.get(id)) || isRequestingCode(id)) return;
    isReading = true;
    const before = store.pairing.get(id);
    const code = await readCurrentCode(id).catch(() => undefined); // after a failure nothing is known about the code
    isReading = false;
    if (closed || code === undefined || store.pairing.get(id) !== before) return;
    isMissing = code === null;
    if (code) showCode(id, code);
    else {
      store.pairing.delete(id);
      draw();
    }
  }

  function changed(which) {
    const pairing = store.pairing.get(id);
    const { status } = store.instances.get(id) ?? {};
    if (status === "connected") saveAttempt(id, null);
    if (pairing) {
      isMissing = false;
      saveAttempt(id, { method: pairing.method, phoneNumber: pairing.phoneNumber });
    } else if (!isMissing) readCode(); // a status may be announced before its code
    if (which === id || stateOf(id, isMissing) !== drawnState) draw();
  }

  const stops = [on("pairing", (which) => which === id && changed(id)), on("instances", changed), on("resync", readCode)];
  draw();
  readCode();
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
