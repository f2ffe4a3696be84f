// The pages of the console, each loaded when it is first shown.

import { lazy } from "../components/lazy.js";

/** By the first segment of the address. `scope`: what a role needs to see the page; `icon`: of the navigation; none: not in it. */
export const PAGES = {
  inbox: { icon: "inbox", Page: lazy(() => import("../pages/inbox/InboxPage.js"), "InboxPage") },
  bookings: { icon: "bookings", Page: lazy(() => import("../pages/bookings/BookingsPage.js"), "BookingsPage") },
  people: { icon: "people", Page: lazy(() => import("../pages/people/PeoplePage.js"), "PeoplePage") },
  notes: { icon: "notes", Page: lazy(() => import("../pages/notes/NotesPage.js"), "NotesPage") },
  settings: { icon: "settings", Page: lazy(() => import("../pages/settings/SettingsPage.js"), "SettingsPage") },
};

export const FIRST_PAGE = "inbox";
