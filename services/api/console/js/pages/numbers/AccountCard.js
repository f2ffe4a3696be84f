// One account: its state in words, what to do about it, the code that links it, and a menu.

import { Badge } from "../../components/Badge.js";
import { Button } from "../../components/Button.js";
import { confirm, openDialog } from "../../components/Dialog.js";
import { Icon } from "../../components/Icon.js";
import { Menu } from "../../components/Menu.js";
import { toast } from "../../components/Toast.js";
import { formatDateTime } from "../../formats.js";
import { t } from "../../language.js";
import { displayError, reasonText } from "../../network/errors.js";
import { formatPhone } from "../../phone_format.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { href } from "../../router.js";
import { showSimulator } from "../../simulator/simulator.js";
import { config, useTopic } from "../../store/signals.js";
import { askForCode, deleteInstance, disconnect, logOut, startPairing } from "./account_actions.js";
import { RenameDialog, RulesDialog, TestMessageDialog } from "./AccountDialogs.js";
import { attemptOf, isRequestingCode, requestCode } from "./linking.js";
import { LinkingPanel } from "./LinkingPanel.js";

/** Tone of the badge by status; true: something is going on. */
const TONES = {
  connected: ["ok"], connecting: [null, true], reconnecting: ["waiting", true], qr_pending: [null, true], pairing: [null, true],
  disconnected: [null], logged_out: ["bad"], restricted: ["bad"], failed: ["bad"],
};
/** Reasons of an account whose code was not used. */
const UNUSED_CODE = new Set(["pairing_timeout", "pairing_failed"]);
const IDLE = new Set(["disconnected", "logged_out", "failed", "restricted"]);
const LINKED = new Set(["connected", "reconnecting"]);

const open = (Component, instance) => openDialog((close) => html`<${Component} instance=${instance} onClose=${close} />`);

/** `run(work)` → an event handler; one work at a time, its error is shown on the card. */
function useCardWork() {
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);
  const run = (work) => async () => {
    if (running.current) return;
    running.current = true;
    setProblem(null);
    setBusy(true);
    try {
      await work();
    } catch (thrown) {
      setProblem(displayError(thrown));
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { problem, isBusy, run, setProblem };
}

function menuItems(instance, run) {
  const idle = ["disconnected", "logged_out", "failed"].includes(instance.status);
  const wasLinked = (LINKED.has(instance.status) || instance.last_connected_at) && instance.status !== "logged_out";
  const confirmLogOut = () => confirm({ title: t("accounts.logOutTitle", { name: instance.instance_name }), text: t("accounts.logOutText"), action: t("accounts.logOut"), danger: true, run: () => logOut(instance) });
  const confirmDelete = async () => {
    const accepted = await confirm({ title: t("accounts.deleteTitle", { name: instance.instance_name }), text: t("accounts.deleteText"), action: t("common.delete"), danger: true, run: () => deleteInstance(instance) });
    if (accepted) toast(t("accounts.deleted", { name: instance.instance_name }));
  };
  return [
    { label: t("accounts.rename"), icon: "edit", onSelect: () => open(RenameDialog, instance) },
    { label: t("accounts.rules"), icon: "bookings", onSelect: () => open(RulesDialog, instance) },
    instance.status === "connected" && { label: t("accounts.testTitle"), icon: "send", onSelect: () => open(TestMessageDialog, instance) },
    !idle && { label: t(LINKED.has(instance.status) ? "accounts.disconnect" : "accounts.stopConnecting"), icon: "wifi-off", onSelect: run(() => disconnect(instance)) },
    wasLinked && { label: t("accounts.logOut"), icon: "logout", onSelect: confirmLogOut },
    { label: t("common.delete"), icon: "trash", danger: true, onSelect: confirmDelete },
  ].filter(Boolean);
}

/** After an unused code: another code of the same kind, or of the other kind. */
function AnotherCode({ instance, run, isBusy }) {
  const attempt = attemptOf(instance.id);
  const isCode = attempt.method === "code" && attempt.phoneNumber;
  const renew = () => requestCode(instance, isCode ? attempt : { method: "qr" });
  const change = () => (isCode ? requestCode(instance, { method: "qr" }) : askForCode(instance));
  return html`
    <${Button} variant="primary" data-key="renew" busy=${isBusy} onClick=${run(renew)}>${t(isCode ? "accounts.newCode" : "accounts.newQr")}</${Button}>
    <${Button} data-key="switch" busy=${isBusy} onClick=${run(change)}>${t(isCode ? "accounts.useQr" : "accounts.useCode")}</${Button}>
  `;
}

function CardActions({ instance, mayManage, run, isBusy }) {
  if (instance.status === "connected") {
    const isSimulated = instance.network === "simulator" && config.value.simulator;
    return html`
      <${Button} icon="inbox" data-key="inbox" href=${href("inbox")}>${t("accounts.openInbox")}</${Button}>
      ${isSimulated && html`<${Button} icon="people" data-key="customer" onClick=${() => showSimulator(instance)}>${t("accounts.simulatedCustomer")}</${Button}>`}
    `;
  }
  if (!mayManage || !IDLE.has(instance.status) || isRequestingCode(instance.id)) return null;
  if (UNUSED_CODE.has(instance.reason)) return html`<${AnotherCode} instance=${instance} run=${run} isBusy=${isBusy} />`;
  const needsNoCode = instance.network === "simulator" || (instance.status === "disconnected" && instance.last_connected_at);
  return html`
    <${Button} variant="primary" icon="scan" data-key="qr" busy=${isBusy} onClick=${run(() => startPairing(instance, "qr"))}>${t("accounts.connect")}</${Button}>
    ${!needsNoCode && html`<${Button} data-key="code" busy=${isBusy} onClick=${run(() => startPairing(instance, "code"))}>${t("accounts.useCode")}</${Button}>`}
  `;
}

export function AccountCard({ instance, mayManage }) {
  useTopic("pairing", (id) => id === instance.id);
  const { problem, isBusy, run, setProblem } = useCardWork();
  const [tone = null, isActive = false] = TONES[instance.status] ?? [];
  const isConnected = instance.status === "connected";
  useEffect(() => { if (isConnected) setProblem(null); }, [isConnected]); // an earlier error is over
  const state = t(`accounts.status.${instance.status}`);
  const about = [formatPhone(instance.phone_number), instance.network === "simulator" && t("accounts.simulated")].filter(Boolean).join(" · ");
  const reason = [reasonText(instance.reason) ?? t(`accounts.statusText.${instance.status}`), instance.until && t("accounts.until", { time: formatDateTime(instance.until) })].filter(Boolean).join(" ");
  return html`
    <article class="card account" aria-label=${`${instance.instance_name}: ${state}`} data-status=${instance.status}>
      <div class="card-head">
        <span class=${`device ${instance.network}`}><${Icon} name="phone" /></span>
        <div class="who"><h2 dir="auto">${instance.instance_name}</h2><p class="muted small">${about || t("accounts.noNumber")}</p></div>
        <${Badge} tone=${tone} class=${`badge dot ${tone ?? ""} ${isActive ? "busy" : ""}`} role="status">${state}</${Badge}>
        ${mayManage && html`<${Menu} label=${t("settings.moreFor", { name: instance.instance_name })} items=${menuItems(instance, run)} />`}
      </div>
      <p class=${`reason ${tone === "bad" ? "bad" : ""}`}>${reason}</p>
      ${mayManage && html`<${LinkingPanel} instance=${instance} run=${run} isBusy=${isBusy} />`}
      <p class="error box" role="alert">${problem?.message ?? ""}</p>
      <div class="card-actions"><${CardActions} instance=${instance} mayManage=${mayManage} run=${run} isBusy=${isBusy} /></div>
    </article>
  `;
}
