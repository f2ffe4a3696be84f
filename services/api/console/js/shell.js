// The frame around the views: navigation, connection notice, dock of the simulated phone. Routes are #/view/id.

import { showAccounts } from "./pages/numbers/accounts.js";
import { showBookings } from "./pages/bookings/bookings.js";
import { showContacts } from "./pages/people/contacts.js";
import { followCounts } from "./store/counts.js";
import { h, icon } from "./components/dom.js";
import { showInbox } from "./pages/inbox/inbox.js";
import { whenJoined } from "./network/socket.js";
import { showNotes } from "./pages/notes/notes.js";
import { changePassword } from "./pages/settings/password.js";
import { currentSession } from "./network/session.js";
import { dockSimulator } from "./simulator/simulator.js";
import { store, load, on } from "./store/store.js";
import { isDark, toggleTheme } from "./theme.js";
import { toast } from "./components/widgets.js";

const VIEWS = {
  accounts: { label: "Accounts", show: showAccounts },
  inbox: { label: "Inbox", show: showInbox },
  bookings: { label: "Bookings", show: showBookings },
  contacts: { label: "Contacts", show: showContacts },
  notes: { label: "Notes", show: showNotes },
};

/** A hand-made link may be badly encoded, or lead to another path of the API when it becomes part of a URL. */
function decoded(text) {
  try {
    const id = decodeURIComponent(text);
    return id === "." || id === ".." ? "" : id;
  } catch {
    return text;
  }
}

/** `#/inbox/<conversation>/<message>` → {view, id, part} */
const routeOf = () => {
  const [, view, id, part] = location.hash.split("/").map(decoded);
  return { view: VIEWS[view] ? view : "accounts", id: id || null, part: part || null };
};

function navigation(logout) {
  const count = h("span", { class: "count", hidden: true });
  const links = Object.entries(VIEWS).map(([name, { label }]) =>
    h("a", { class: "nav-item", href: `#/${name}`, "data-view": name }, icon(name), h("span", null, label), name === "bookings" && count));
  const connectionStatus = h("span", { class: "connection" }, "Connecting…");
  const theme = h("button", { class: "button quiet icon-only", type: "button", onclick: () => { toggleTheme(); drawTheme(); } });
  const drawTheme = () => {
    theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
    theme.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
    theme.title = theme.getAttribute("aria-label");
  };
  drawTheme();
  const password = h("button", { class: "button quiet icon-only", type: "button", onclick: changePassword, "aria-label": "Change password", title: "Change password" }, icon("key"));
  const logoutButton = h("button", { class: "button quiet icon-only", type: "button", onclick: logout, "aria-label": "Log out", title: "Log out" }, icon("logout"));
  const element = h("nav", { class: "nav", "aria-label": "Main" },
    h("div", { class: "brand" }, h("img", { src: "/console/icon.svg", alt: "" }), "Switchboard"),
    h("div", { class: "nav-items" }, links),
    h("div", { class: "nav-foot" }, connectionStatus, h("div", { class: "who", title: currentSession().email }, currentSession().email), h("div", { class: "nav-tools" }, theme, password, logoutButton)));
  const drawCount = () => {
    const open = store.counts.bookings?.pending ?? 0;
    count.hidden = !open;
    count.textContent = open > 99 ? "99+" : open;
    count.setAttribute("aria-label", `${open} waiting`);
  };
  return { element, links, connectionStatus, drawCount };
}

/** Draws the console into `root`. → a function that removes it */
export function showShell(root, { logout }) {
  const nav = navigation(logout);
  const notice = h("div", { class: "notice", role: "status", hidden: true });
  const view = h("main", { class: "view", tabindex: -1 });
  const dock = h("aside", { class: "dock", "aria-label": "Simulated phone" });
  const shell = h("div", { class: "shell" }, nav.element, notice, view, dock);
  let closeView = () => {};
  let currentView = null;
  let openItem = () => {};
  let outageTimer = null;
  let closed = false;

  function route() {
    const { view: name, id, part } = routeOf();
    shell.classList.toggle("in-thread", name === "inbox" && Boolean(id));
    if (currentView === name) return openItem(id, part);
    closeView();
    currentView = name;
    for (const link of nav.links) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    drawTitle();
    view.scrollTop = 0;
    const { close, open = () => {} } = VIEWS[name].show(view, id, part);
    closeView = close;
    openItem = open;
  }

  function drawTitle() {
    const unread = store.counts.conversations?.unread ?? 0;
    document.title = `${unread ? `(${unread > 99 ? "99+" : unread}) ` : ""}${VIEWS[currentView].label} · Switchboard`;
  }

  function drawCounts() {
    drawTitle();
    nav.drawCount();
  }

  function drawOnline() {
    nav.connectionStatus.classList.toggle("online", store.online);
    nav.connectionStatus.textContent = store.online ? "Live" : "Reconnecting…";
    clearTimeout(outageTimer);
    if (store.online) notice.hidden = true;
    else outageTimer = setTimeout(() => {
      notice.textContent = "The connection to the server is interrupted. What you see may be old; it is brought up to date as soon as the server answers.";
      notice.hidden = false;
    }, 2500);
  }

  const stops = [on("online", drawOnline), on("counts", drawCounts), on("note", (note) => toast(`Note kept: ${note.text || "without text"}`)), dockSimulator(dock)];
  addEventListener("hashchange", route);
  root.replaceChildren(shell);
  route();
  // read after the socket has joined, so that no event is missed in between
  whenJoined().then(() => {
    load("instances").catch((problem) => problem.status !== 401 && toast(`${VIEWS.accounts.label}: ${problem.message}`, "bad"));
    if (!closed) stops.push(followCounts());
  });

  return () => {
    closed = true;
    clearTimeout(outageTimer);
    removeEventListener("hashchange", route);
    for (const stop of stops) stop();
    closeView();
  };
}
