// The shortcuts that work on every page.

import { useEffect } from "../rendering.js";
import { navigate } from "../router.js";
import { openPalette } from "./CommandPalette.js";
import { followShortcuts, useShortcut } from "./shortcuts.js";
import { openShortcuts } from "./ShortcutsDialog.js";

/** The search field of the page, where it has one. */
const focusSearch = () => document.querySelector('main input[type="search"]')?.focus();

export function useShellShortcuts(logOut) {
  useEffect(followShortcuts, []);
  useShortcut("help", openShortcuts);
  useShortcut("palette", () => openPalette(logOut));
  useShortcut("search", focusSearch);
  useShortcut("goToInbox", () => navigate("inbox"));
  useShortcut("goToBookings", () => navigate("bookings"));
  useShortcut("goToPeople", () => navigate("people"));
  useShortcut("goToSettings", () => navigate("settings"));
}
