// The frame around the views: navigation, connection notice, the simulated phone's dock. Routes are #/view/id.

import { showAccounts } from "./accounts.js";
import { showBookings } from "./bookings.js";
import { showContacts } from "./contacts.js";
import { followCounts } from "./counts.js";
import { h, icon } from "./dom.js";
import { showInbox } from "./inbox.js";
import { listening } from "./socket.js";
import { showNotes } from "./notes.js";
import { changePassword } from "./password.js";
import { currentSession } from "./session.js";
import { dockSimulator } from "./simulator.js";
import { known, load, on } from "./store.js";
import { isDark, toggleTheme } from "./theme.js";
import { toast } from "./widgets.js";

const VIEWS = {
  accounts: { label: "Accounts", show: showAccounts },
  inbox: { label: "Inbox", show: showInbox },
  bookings: { label: "Bookings", show: showBookings },
  contacts: { label: "Contacts", show: showContacts },
  notes: { label: "Notes", show: showNotes },
};

/** A link that somebody made may be no encoding of anything, or lead to another path of the API when it is put into one. */
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
  const live = h("span", { class: "live" }, "Connecting…");
  const theme = h("button", { class: "button quiet icon-only", type: "button", onclick: () => { toggleTheme(); drawTheme(); } });
  const drawTheme = () => {
    theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
    theme.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
    theme.title = theme.getAttribute("aria-label");
  };
  drawTheme();
  const password = h("button", { class: "button quiet icon-only", type: "button", onclick: changePassword, "aria-label": "Change password", title: "Change password" }, icon("key"));
  const leave = h("button", { class: "button quiet icon-only", type: "button", onclick: logout, "aria-label": "Log out", title: "Log out" }, icon("logout"));
  const element = h("nav", { class: "nav", "aria-label": "Main" },
    h("div", { class: "brand" }, h("img", { src: "/console/icon.svg", alt: "" }), "Switchboard"),
    h("div", { class: "nav-items" }, links),
    h("div", { class: "nav-foot" }, live, h("div", { class: "who", title: currentSession().email }, currentSession().email), h("div", { class: "nav-tools" }, theme, password, leave)));
  const drawCount = () => {
    const open = known.counts.bookings?.pending ?? 0;
    count.hidden = !open;
    count.textContent = open > 99 ? "99+" : open;
    count.setAttribute("aria-label", `${open} waiting`);
  };
  return { element, links, live, drawCount };
}

/** Draws the console into `root`; returns how to take it down. */
export function showShell(root, { logout }) {
  const nav = navigation(logout);
  const notice = h("div", { class: "notice", role: "status", hidden: true });
  const view = h("main", { class: "view", tabindex: -1 });
  const dock = h("aside", { class: "dock", "aria-label": "Simulated phone" });
  const shell = h("div", { class: "shell" }, nav.element, notice, view, dock);
  let leave = () => {};
  let shown = null;
  let openItem = () => {};
  let outage = null;
  let closed = false;

  function route() {
    const { view: name, id, part } = routeOf();
    shell.classList.toggle("in-thread", name === "inbox" && Boolean(id));
    if (shown === name) return openItem(id, part);
    leave();
    shown = name;
    for (const link of nav.links) {
      if (link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    drawTitle();
    view.scrollTop = 0;
    const { close, open = () => {} } = VIEWS[name].show(view, id, part);
    leave = close;
    openItem = open;
  }

  function drawTitle() {
    const unread = known.counts.conversations?.unread ?? 0;
    document.title = `${unread ? `(${unread > 99 ? "99+" : unread}) ` : ""}${VIEWS[shown].label} · Switchboard`;
  }

  function drawCounts() {
    drawTitle();
    nav.drawCount();
  }

  function drawOnline() {
    nav.live.classList.toggle("on", known.online);
    nav.live.textContent = known.online ? "Live" : "Reconnecting…";
    clearTimeout(outage);
    if (known.online) notice.hidden = true;
    else outage = setTimeout(() => {
      notice.textContent = "The connection to the server is interrupted. What you see may be old; it is brought up to date as soon as the server answers.";
      notice.hidden = false;
    }, 2500);
  }

  const stops = [on("online", drawOnline), on("counts", drawCounts), on("note", (note) => toast(`Note kept: ${note.text || "without text"}`)), dockSimulator(dock)];
  addEventListener("hashchange", route);
  root.replaceChildren(shell);
  route();
  // read behind the socket's beginning, so that nothing falls between the two
  listening().then(() => {
    load("instances").catch((problem) => problem.status !== 401 && toast(`${VIEWS.accounts.label}: ${problem.message}`, "bad"));
    if (!closed) stops.push(followCounts());
  });

  return () => {
    closed = true;
    clearTimeout(outage);
    removeEventListener("hashchange", route);
    for (const stop of stops) stop();
    leave();
  };
}
