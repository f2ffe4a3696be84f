// Profile pictures of contacts, read with the access token and kept as addresses of blobs.

import { readBlob } from "../network/rest.js";

const MAX_PICTURES = 300;
const MAX_REQUESTS = 4;
const RETRY_MS = 60_000;

/** By contact id: a promise of the address, or of null when there is no picture. */
const pictures = new Map();
const waiting = [];
let running = 0;

function next() {
  while (running < MAX_REQUESTS && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      next();
    });
  }
}

function evict() {
  for (const [id, picture] of pictures) {
    if (pictures.size <= MAX_PICTURES) return;
    pictures.delete(id);
    picture.then((address) => address && URL.revokeObjectURL(address));
  }
}

async function read(contactId) {
  try {
    return URL.createObjectURL(await readBlob(`/api/contacts/${encodeURIComponent(contactId)}/picture`));
  } catch (problem) {
    if (problem.status !== 404) setTimeout(() => pictures.delete(contactId), RETRY_MS);
    return null;
  }
}

/** The address of the contact's profile picture; null: there is none, or it cannot be read now. */
export function profilePicture(contactId) {
  if (!pictures.has(contactId)) {
    pictures.set(contactId, new Promise((resolve) => {
      waiting.push(() => read(contactId).then(resolve));
      next();
    }));
    evict();
  }
  return pictures.get(contactId);
}

/** The picture changed, or another user logged in. */
export function forgetPictures() {
  for (const picture of pictures.values()) picture.then((address) => address && URL.revokeObjectURL(address));
  pictures.clear();
}
