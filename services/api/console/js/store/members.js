// The users of the organization, by id: who is assigned, who is typing.

import { get } from "../network/rest.js";
import { signal } from "../rendering.js";
import { listOf, on } from "./store.js";

/** An unknown id is a new colleague, or one who left: the list is read again, but not more often. */
const MIN_INTERVAL_MS = 30_000;

/** By id: {id, name, email, role}; empty until they were read. */
export const members = signal(new Map());

let readAt = -Infinity;
let organizationId = null;

async function read() {
  readAt = performance.now();
  const answer = await get("/api/users", { limit: 200 }).catch(() => null);
  if (!answer) readAt = -Infinity;
  else members.value = new Map(listOf(answer, "users").map((member) => [member.id, member]));
}

/** Reads them unless that was done for this organization. */
export function loadMembers(organization) {
  if (organization === organizationId && members.peek().size) return;
  if (organization !== organizationId) members.value = new Map();
  organizationId = organization;
  read();
}

/** The member; undefined: not known, or not any more. */
export function memberOf(id) {
  const found = members.value.get(id);
  if (id && !found && performance.now() - readAt > MIN_INTERVAL_MS) read();
  return found;
}

on("resync", () => { if (organizationId) read(); });
