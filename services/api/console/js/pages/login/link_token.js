// The token of a link that was opened: of an invitation or of a forgotten password. It is kept in memory only and leaves the
// address once it is read, so that it is neither in the history nor seen by somebody who looks at the screen.

import { effect, signal, untracked } from "@preact/signals";
import { replaceRoute, route } from "../../router.js";

const LINK_PAGES = ["invitation", "password-reset"];

/** {page: one of LINK_PAGES, token}; null: no link was opened, or it is used. */
export const linkToken = signal(null);

effect(() => {
  const { page, id } = route.value;
  if (!LINK_PAGES.includes(page) || !id) return;
  untracked(() => {
    linkToken.value = { page, token: id };
    replaceRoute(page);
  });
});

/** The link is used or given up. */
export function leaveLink() {
  linkToken.value = null;
  replaceRoute("inbox");
}
