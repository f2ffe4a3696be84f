// Requests that change an account: create, connect, rename, disconnect, log out, delete.

import { openDialog } from "../../components/Dialog.js";
import { patch, post, remove } from "../../network/rest.js";
import { html } from "../../rendering.js";
import { publish, put, store } from "../../store/store.js";
import { CodeDialog } from "./AccountDialogs.js";
import { connect, pathOf, requestSimulatedCode, saveAttempt } from "./linking.js";

/** Creates an account and puts it into the store. → the account */
export async function createInstance(body) {
  const { instance } = await post("/api/whatsapp/instances", body);
  put("instances", { status: "disconnected", network: body.network, ...instance });
  return store.instances.get(instance.id);
}

/** Starts linking by QR code (at once) or by a pairing code (asks for the number first). An account that is still linked just connects. */
export async function startPairing(instance, method) {
  if (method === "qr") await connect(instance, { method });
  else await askForCode(instance);
}

/** Asks for the phone number of a pairing code. On the simulated network a new phone is made instead. */
export function askForCode(instance) {
  if (instance.network === "simulator") return requestSimulatedCode(instance);
  openDialog((close) => html`<${CodeDialog} instance=${instance} onClose=${close} />`);
  return undefined;
}

export async function changeInstance(instance, changes) {
  const answer = await patch(pathOf(instance), changes);
  put("instances", { id: instance.id, ...changes, ...(answer.instance ? { settings: answer.instance.settings } : {}) });
}

export const disconnect = (instance) => post(pathOf(instance, "/disconnect"));
export const logOut = (instance) => post(pathOf(instance, "/logout"));

export async function deleteInstance(instance) {
  await remove(pathOf(instance));
  store.instances.delete(instance.id);
  store.pairing.delete(instance.id);
  saveAttempt(instance.id, null);
  publish("instances");
}
