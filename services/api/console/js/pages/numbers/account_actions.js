// Actions of an account: add, connect, rename, disconnect, log out, delete.

import { h } from "../../components/dom.js";
import { call, post } from "../../network/rest.js";
import { requestCode, requestSimulatedCode, connect, saveAttempt, pathOf } from "./linking.js";
import { store, put, publish } from "../../store/store.js";
import { ask, rovingFocus, toast } from "../../components/widgets.js";

/** Make an instance and put it into the store. → the instance */
export async function createInstance(body) {
  const { instance } = await post("/api/whatsapp/instances", body);
  put("instances", { status: "disconnected", network: body.network, ...instance });
  return store.instances.get(instance.id);
}

export function addAccount() {
  ask({
    title: "Add a WhatsApp account",
    text: "Give it a name you will recognise. Next you scan a code with the phone of this account.",
    fields: { instance_name: { label: "Name", required: true, maxlength: 80, placeholder: "Front desk", autocomplete: "off" } },
    action: "Continue",
    submit: async ({ instance_name }) => {
      const instance = await createInstance({ instance_name, network: "whatsapp" });
      location.hash = "#/accounts";
      await startPairing(instance, "qr");
    },
  });
}

/** Starts linking by QR code (at once) or by pairing code (asks for the number first). An account that is still linked just connects. */
export async function startPairing(instance, method) {
  if (method === "qr") await connect(instance, { method });
  else await codeDialog(instance);
}

/** Asks for the phone number of a pairing code. On the simulated network a new phone is made instead. */
export function codeDialog(instance) {
  if (instance.network === "simulator") return requestSimulatedCode(instance);
  ask({
    title: "Link with a code",
    text: "WhatsApp shows a notification on the phone of this number; there you type the code that appears here.",
    fields: { phone_number: { label: "Phone number of the account", type: "tel", required: true, placeholder: "+49 176 1234567", autocomplete: "tel", value: instance.phone_number ? `+${instance.phone_number}` : "", hint: "With country code." } },
    action: "Get a code",
    submit: ({ phone_number }) => requestCode(instance, { method: "code", phoneNumber: phone_number }),
  });
  return undefined;
}

function rename(instance) {
  ask({
    title: "Rename the account",
    fields: { instance_name: { label: "Name", required: true, maxlength: 80, value: instance.instance_name, autocomplete: "off" } },
    action: "Save",
    submit: async ({ instance_name }) => {
      await call("PATCH", pathOf(instance), { body: { instance_name } });
      put("instances", { id: instance.id, instance_name });
    },
  });
}

function logout(instance) {
  ask({
    title: `Log out ${instance.instance_name}?`,
    text: "The device is unlinked from the phone. To use the account here again, a new code must be scanned. Conversations stay.",
    action: "Log out",
    danger: true,
    submit: () => post(pathOf(instance, "/logout")),
  });
}

function remove(instance) {
  ask({
    title: `Delete ${instance.instance_name}?`,
    text: "The device is unlinked and the account disappears from this list. Conversations, contacts and bookings stay.",
    action: "Delete",
    danger: true,
    submit: async () => {
      await call("DELETE", pathOf(instance));
      store.instances.delete(instance.id);
      store.pairing.delete(instance.id);
      saveAttempt(instance.id, null);
      publish("instances");
      toast(`${instance.instance_name} was deleted.`);
    },
  });
}

const LINKED = new Set(["connected", "reconnecting"]);

/** The menu of a card. `fail(problem)` shows what went wrong on the card. */
export function openMenu(button, instance, fail) {
  const idle = ["disconnected", "logged_out", "failed"].includes(instance.status);
  const entries = [
    ["Rename", () => rename(instance)],
    !idle && [LINKED.has(instance.status) ? "Disconnect" : "Stop connecting", () => post(pathOf(instance, "/disconnect")).catch(fail)],
    (LINKED.has(instance.status) || instance.last_connected_at) && instance.status !== "logged_out" && ["Log out", () => logout(instance)],
    ["Delete", () => remove(instance), "danger"],
  ].filter(Boolean);
  const close = (focus) => {
    menu.remove();
    removeEventListener("pointerdown", outside, true);
    if (focus) button.focus();
  };
  const outside = (event) => !menu.contains(event.target) && close(false);
  const items = entries.map(([label, act, kind], at) =>
    h("button", { class: `menu-item ${kind ?? ""}`, type: "button", role: "menuitem", tabindex: at ? -1 : 0, onclick: () => { close(true); act(); } }, label));
  const menu = h("div", { class: "menu", role: "menu", onkeydown: (event) => ["Escape", "Tab"].includes(event.key) && close(true) }, items);
  rovingFocus(menu, ".menu-item");
  button.after(menu);
  addEventListener("pointerdown", outside, true);
  items[0].focus();
}
