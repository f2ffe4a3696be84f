// The code that links an account, live: QR or eight characters, the time left, and how to get another one.

import { Button } from "../../components/Button.js";
import { Icon } from "../../components/Icon.js";
import { t } from "../../language.js";
import { serverNow } from "../../network/rest.js";
import { formatPhone } from "../../phone_format.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { linkWithSimulator } from "../../simulator/simulator.js";
import { config } from "../../store/signals.js";
import { on, store } from "../../store/store.js";
import { askForCode } from "./account_actions.js";
import { attemptOf, isRequestingCode, readCurrentCode, requestCode, saveAttempt, showCode, showsCode } from "./linking.js";

/** Seconds for which WhatsApp accepts a code. */
const CODE_LIFETIME_S = { code: 160, qr: 60, laterQr: 20 };
const ENDED = new Set(["connected", "disconnected", "logged_out", "failed", "restricted"]);
/** Seconds after the expiry of a QR code within which the next one is expected. */
const NEXT_QR_TIMEOUT_S = 5;
const COUNTDOWN_INTERVAL_MS = 500;
const STEPS = ["1", "2", "3"];

const secondsLeft = (pairing) => Math.ceil((new Date(pairing.expiresAt) - serverNow()) / 1000);

/** The state of the panel: "hidden", "asking", "code", "next" (QR code) or "ended". `isMissing`: the server has no code. */
function stateOf(instance, isMissing) {
  const pairing = store.pairing.get(instance.id);
  if (isRequestingCode(instance.id)) return "asking";
  if (ENDED.has(instance.status)) return "hidden";
  if (!pairing) return isMissing && showsCode(instance) ? "ended" : "hidden";
  const left = secondsLeft(pairing);
  if (left > 0) return "code";
  return pairing.method === "qr" && left > -NEXT_QR_TIMEOUT_S ? "next" : "ended";
}

/** Follows the code of the account; reads the current one, which may have been issued before the page was loaded. → isMissing */
function useCurrentCode(id) {
  const [isMissing, setMissing] = useState(false);
  const state = useRef({ isReading: false, isMissing: false });
  state.current.isMissing = isMissing;
  useEffect(() => {
    let isClosed = false;
    async function readCode() {
      if (state.current.isReading || !showsCode(store.instances.get(id)) || isRequestingCode(id)) return;
      state.current.isReading = true;
      const before = store.pairing.get(id);
      const code = await readCurrentCode(id).catch(() => undefined); // after a failure nothing is known about the code
      state.current.isReading = false;
      if (isClosed || code === undefined || store.pairing.get(id) !== before) return;
      setMissing(code === null);
      if (code) showCode(id, code);
      else store.pairing.delete(id);
    }
    function changed() {
      const pairing = store.pairing.get(id);
      if (store.instances.get(id)?.status === "connected") saveAttempt(id, null);
      if (pairing) {
        setMissing(false);
        saveAttempt(id, { method: pairing.method, phoneNumber: pairing.phoneNumber });
      } else if (!state.current.isMissing) readCode(); // a status may be announced before its code
    }
    const stops = [on("pairing", (which) => which === id && changed()), on("instances", changed), on("resync", readCode)];
    readCode();
    return () => {
      isClosed = true;
      for (const stop of stops) stop();
    };
  }, [id]);
  return isMissing;
}

/** Renders the component again while a code counts down. */
function useCountdown(isRunning) {
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setTick((tick) => tick + 1), COUNTDOWN_INTERVAL_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
}

function Picture({ pairing }) {
  if (pairing.method === "code") {
    const spoken = [...pairing.pairingCode.replace("-", "")].join(" ");
    return html`<output class="code" aria-label=${t("accounts.codeLabel", { code: spoken })}>${pairing.pairingCode.replace(/^(.{4})-?/, "$1-")}</output>`;
  }
  if (!pairing.dataUrl?.startsWith("data:image/")) return html`<p class="error">${t("accounts.noPicture")}</p>`;
  return html`<img class="qr" src=${pairing.dataUrl} alt=${t("accounts.qrLabel")} />`;
}

function Countdown({ pairing }) {
  const seconds = Math.max(0, secondsLeft(pairing));
  const total = pairing.method === "code" ? CODE_LIFETIME_S.code : pairing.attempt > 1 ? CODE_LIFETIME_S.laterQr : CODE_LIFETIME_S.qr;
  const about = [pairing.attempt && ` · ${t("accounts.codeNumber", { n: pairing.attempt })}`, pairing.phoneNumber && ` · ${t("accounts.codeFor", { number: formatPhone(pairing.phoneNumber) })}`];
  return html`
    <div class="countdown">
      <i class="bar" style=${{ "--left": Math.min(1, seconds / Math.max(total, seconds)) }} />
      <p class="small muted"><span class="time-left">${seconds ? t("accounts.secondsLeft", { n: seconds }) : ""}</span>${about.filter(Boolean).join("")}</p>
    </div>
  `;
}

function statusText(state, method) {
  if (state === "asking") return t("accounts.asking");
  if (state === "next") return t("accounts.nextCode");
  return state === "ended" ? t(method === "code" ? "accounts.codeExpired" : "accounts.qrExpired") : "";
}

function PanelActions({ instance, state, method, pairing, run }) {
  const isAsking = state === "asking";
  /** Another code of this kind for the same number, or of the other kind. */
  const renew = (wanted, isOther = false) => {
    if (wanted === "qr") return requestCode(instance, { method: wanted });
    const phoneNumber = isOther ? null : store.pairing.get(instance.id)?.phoneNumber ?? attemptOf(instance.id).phoneNumber;
    return phoneNumber ? requestCode(instance, { method: wanted, phoneNumber }) : askForCode(instance);
  };
  const canScan = state === "code" && instance.network === "simulator" && config.value.simulator;
  const isRenewable = method === "code" || state !== "code";
  const action = (key, label, work, variant = "secondary", icon = null) => html`
    <${Button} key=${key} data-key=${key} variant=${variant} icon=${icon} aria-disabled=${isAsking ? "true" : null} onClick=${() => !isAsking && run(work)()}>${label}</${Button}>
  `;
  return html`
    <div class="pairing-actions">
      ${canScan && action("scan", t(method === "qr" ? "accounts.scanWithSimulator" : "accounts.typeOnSimulator"), () => linkWithSimulator(instance.id), "primary", method === "qr" ? "scan" : null)}
      ${isRenewable && action("renew", t(method === "code" ? "accounts.newCode" : "accounts.newQr"), () => renew(method), canScan || pairing && state === "code" ? "secondary" : "primary")}
      ${action("switch", t(method === "code" ? "accounts.useQr" : "accounts.useCode"), () => renew(method === "code" ? "qr" : "code", true))}
    </div>
  `;
}

/** `run(work)` → an event handler that shows an error on the card. */
export function LinkingPanel({ instance, run }) {
  const isMissing = useCurrentCode(instance.id);
  const state = stateOf(instance, isMissing);
  useCountdown(state !== "hidden");
  const pairing = store.pairing.get(instance.id);
  const { method } = pairing ?? attemptOf(instance.id);
  const isCode = state === "code";
  return html`
    <div class="pairing" hidden=${state === "hidden"} data-state=${state}>
      ${state !== "hidden" && html`
        ${isCode ? html`<${Picture} pairing=${pairing} />` : html`<div key="no-code" class=${`no-code ${method}`}><${Icon} name=${state === "ended" ? "alert" : "clock"} /></div>`}
        <div key="instructions" class="instructions">
          ${isCode && html`<ol>${STEPS.map((step) => html`<li key=${step}>${t(`accounts.steps.${method}.${step}`)}</li>`)}</ol>`}
          ${isCode && html`<${Countdown} pairing=${pairing} />`}
          <p class="small muted pairing-status" role="status">${statusText(state, method)}</p>
          <${PanelActions} instance=${instance} state=${state} method=${method} pairing=${pairing} run=${run} />
        </div>
      `}
    </div>
  `;
}
