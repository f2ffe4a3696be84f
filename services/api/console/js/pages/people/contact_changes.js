// Changes of contacts: their name, merging and splitting.

import { patch, post } from "../../network/rest.js";
import { publish, put, removeRecord } from "../../store/store.js";

const path = (id, action = "") => `/api/contacts/${encodeURIComponent(id)}${action}`;

/** `name`: null gives back the name from WhatsApp; `expectedName`: the one that the user saw. Throws ApiError 409 `contact_changed`. */
export async function renameContact(id, name, expectedName) {
  const { data } = await patch(path(id), { name, expected_name: expectedName });
  put("contacts", data);
}

/** Merges `otherId` into `id`; `anyway`: although both have a phone number. Throws ApiError 409 `contacts_have_numbers`. */
export async function mergeContacts(id, otherId, anyway = false) {
  const { data } = await post(path(id, "/merge"), { other_id: otherId, anyway });
  removeRecord("contacts", otherId);
  put("contacts", data);
  publish("merged");
}

/** Undoes a merge. → the contact that is separate again */
export async function splitContact(id, mergedId) {
  const { data } = await post(path(id, "/split"), { merged_id: mergedId });
  put("contacts", data);
  publish("merged");
  return data;
}

/** Two contacts are not one person: do not suggest it again. */
export const dismissSuggestion = (contactId, otherId) => post("/api/contacts/merge-suggestions/dismiss", { contact_id: contactId, other_id: otherId });
