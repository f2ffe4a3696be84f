// Profile pictures of contacts, read with the access token and kept as addresses of blobs.

import { readBlob } from "../network/rest.js";

const MAX_PICTURES = 300;
const MAX_REQUESTS = 4;
const RETRY_MS = 60_000;

/** By contact id: {address: promise of it, or of null when there is no picture; askers: functions; ask(); drop()} */
const pictures = new Map();
/** What has not been requested yet; the newest is what the user looks at. */
const waiting = [];
let running = 0;

function next() {
  while (running < MAX_REQUESTS && waiting.length) {
    const picture = waiting.pop();
    if (!picture.askers.some((isWanted) => isWanted())) {
      picture.drop(); // its avatars have left the screen
      continue;
    }
    running += 1;
    picture.ask().finally(() => {
      running -= 1;
      next();
    });
  }
}

const revoke = (picture) => picture.address.then((address) => address && URL.revokeObjectURL(address));

function evict() {
  for (const [id, picture] of pictures) {
    if (pictures.size <= MAX_PICTURES) return;
    pictures.delete(id);
    revoke(picture);
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

function request(contactId) {
  const picture = { askers: [] };
  picture.address = new Promise((resolve) => {
    picture.ask = () => read(contactId).then(resolve);
    picture.drop = () => {
      pictures.delete(contactId);
      resolve(null);
    };
  });
  pictures.set(contactId, picture);
  waiting.push(picture);
  evict();
  return picture;
}

/** The address of the contact's profile picture; null: there is none, or it cannot be read now. `isWanted()`: it is still to be shown. */
export function profilePicture(contactId, isWanted = () => true) {
  const picture = pictures.get(contactId) ?? request(contactId);
  picture.askers.push(isWanted);
  queueMicrotask(next); // after the other avatars of the same frame
  return picture.address;
}

/** The picture changed, or another user logged in. */
export function forgetPictures() {
  for (const picture of waiting.splice(0)) picture.drop();
  for (const picture of pictures.values()) revoke(picture);
  pictures.clear();
}
