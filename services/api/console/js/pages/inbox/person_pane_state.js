// Whether the pane about the person is open: beside the thread as the user left it, in place of the thread by the address.

import { signal } from "../../rendering.js";
import { navigate } from "../../router.js";

/** The last part of the address while the pane is in place of the thread. */
export const PERSON_PART = "person";
const STORAGE_KEY = "switchboard.person-pane";

function stored() {
  try {
    return localStorage.getItem(STORAGE_KEY) !== "closed";
  } catch {
    return true; // storage is forbidden
  }
}

const isOpenBeside = signal(stored());

/** → {isOpen, toggle()} */
export function personPane(layout, id, part) {
  if (!id) return { isOpen: false, toggle: () => {} };
  if (layout !== "three") {
    const isOpen = part === PERSON_PART;
    return { isOpen, toggle: () => navigate("inbox", id, isOpen ? null : PERSON_PART) };
  }
  return {
    isOpen: isOpenBeside.value,
    toggle() {
      isOpenBeside.value = !isOpenBeside.value;
      try {
        localStorage.setItem(STORAGE_KEY, isOpenBeside.value ? "open" : "closed");
      } catch {
        // the choice holds for this page
      }
    },
  };
}
