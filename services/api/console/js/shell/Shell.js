// The frame around the pages: navigation, notices, the page of the address, the dock of the simulated phone.

import { LegacyPage } from "../components/LegacyPage.js";
import { toast } from "../components/widgets.js";
import { loadFonts } from "../fonts.js";
import { t } from "../language.js";
import { followMessages } from "../notices/message_notices.js";
import { connectSocket, disconnectSocket, whenJoined } from "../network/socket.js";
import { loadPageStyles } from "../page_styles.js";
import { deleteAttempts } from "../pages/numbers/linking.js";
import { html, useEffect, useErrorBoundary, useState } from "../rendering.js";
import { route } from "../router.js";
import { registerServiceWorker } from "../service_worker_registration.js";
import { dockSimulator } from "../simulator/simulator.js";
import { followCounts } from "../store/counts.js";
import { counts } from "../store/signals.js";
import { atSessionEnd } from "../session_state.js";
import { deleteDrafts } from "../store/drafts.js";
import { clearProfile, loadProfile } from "../store/profile.js";
import { forgetPictures } from "../store/profile_pictures.js";
import { clearStore, load, on } from "../store/store.js";
import { Navigation } from "./Navigation.js";
import { NumberBars } from "./NumberBars.js";
import { OutageNotice } from "./OutageNotice.js";
import { FIRST_PAGE, PAGES } from "./pages.js";
import { useShellShortcuts } from "./use_shell_shortcuts.js";

const ICON = new URL("../../icon.svg", import.meta.url).href;
const UNREAD_ICON = new URL("../../icon-unread.svg", import.meta.url).href;

await loadPageStyles(); // a page without them would be seen for a moment

atSessionEnd(({ isLogout }) => {
  disconnectSocket();
  clearStore();
  forgetPictures();
  clearProfile();
  if (!isLogout) return;
  deleteDrafts();
  deleteAttempts();
});

/** Connects the socket and reads what every page needs; the records are read after the socket has joined, so that no event is missed in between. */
function useLiveData() {
  useEffect(() => { loadProfile(); }, []);
  useState(connectSocket); // before the page's first reads
  useEffect(() => {
    let isClosed = false;
    const stops = [on("note", (note) => toast(t("shell.noteKept", { text: note.text || t("shell.noteWithoutText") }))), followMessages()];
    whenJoined().then(() => {
      if (isClosed) return;
      load("instances").catch((problem) => problem.status !== 401 && toast(problem.message, "bad"));
      stops.push(followCounts());
    });
    return () => {
      isClosed = true;
      for (const stop of stops) stop();
      disconnectSocket();
    };
  }, []);
}

function useTitle(page) {
  const unread = counts.value.conversations?.unread ?? 0;
  const title = `${unread ? `(${unread > 99 ? "99+" : unread}) ` : ""}${t(`shell.${page}`)} · Switchboard`;
  useEffect(() => { document.title = title; }, [title]);
  useEffect(() => {
    const link = document.querySelector('link[rel="icon"]');
    link.href = unread ? UNREAD_ICON : ICON;
    return () => { link.href = ICON; };
  }, [unread > 0]);
}

/** A fault of a page leaves the navigation usable. */
function PageOutlet({ page, id, part }) {
  const [error] = useErrorBoundary((fault) => console.error(fault));
  if (error) {
    return html`
      <div class="page">
        <p class="error box" role="alert">${t("shell.pageFailed")}</p>
        <button class="button" type="button" onClick=${() => location.reload()}>${t("shell.reload")}</button>
      </div>
    `;
  }
  const { Page } = PAGES[page];
  return html`<${Page} id=${id} part=${part} />`;
}

export function Shell({ logOut }) {
  const { page: wanted, id, part } = route.value;
  const page = PAGES[wanted] ? wanted : FIRST_PAGE;
  useLiveData();
  useEffect(() => {
    loadFonts();
    registerServiceWorker();
  }, []);
  useTitle(page);
  useShellShortcuts(logOut);
  return html`
    <div class=${`shell ${page === "inbox" && id ? "in-thread" : ""}`}>
      <${Navigation} logOut=${logOut} />
      <div class="notices"><${OutageNotice} /><${NumberBars} /></div>
      <main tabindex="-1" key=${page}><${PageOutlet} page=${page} id=${id} part=${part} /></main>
      <${LegacyPage} element="aside" class="dock" aria-label=${t("shell.simulatedPhone")} show=${(root) => ({ close: dockSimulator(root) })} />
    </div>
  `;
}
