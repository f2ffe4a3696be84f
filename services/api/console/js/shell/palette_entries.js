// What the command palette finds: pages and commands of the console, conversations and people of the server.

import { personName } from "../formats.js";
import { language, t } from "../language.js";
import { call } from "../network/rest.js";
import { navigate } from "../router.js";
import { formatPhone } from "../phone_format.js";
import { listOf } from "../store/store.js";
import { toggleTheme } from "../theme.js";
import { PAGES } from "./pages.js";
import { openShortcuts } from "./ShortcutsDialog.js";

const MAX_FOUND = 6;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase(language.value);

/** Every word of `text` begins a word of `label`, whatever the accents. */
function matches(label, text) {
  const words = plain(label).split(/\s+/);
  return plain(text).split(/\s+/).filter(Boolean).every((wanted) => words.some((word) => word.startsWith(wanted)));
}

/** [{key, group, icon, label, detail?, run()}] that match `text`; all for "". */
export function localEntries(text, { logOut }) {
  const pages = Object.entries(PAGES).map(([name, { icon }]) => ({ key: `page-${name}`, group: "pages", icon, label: t(`shell.${name}`), run: () => navigate(name) }));
  const commands = [
    { key: "theme", icon: "moon", label: t("shortcuts.changeTheme"), run: toggleTheme },
    { key: "help", icon: "key", label: t("shortcuts.title"), run: openShortcuts },
    { key: "logout", icon: "logout", label: t("shell.logOut"), run: logOut },
  ].map((command) => ({ ...command, group: "commands" }));
  return [...pages, ...commands].filter(({ label }) => matches(label, text));
}

const conversationEntry = (conversation) => ({
  key: `conversation-${conversation.id}`, group: "conversations", icon: "inbox", isStranger: true, label: personName(conversation.contact),
  detail: conversation.last_message?.text?.slice(0, 100) ?? "", run: () => navigate("inbox", conversation.id),
});

const personEntry = (person) => ({
  key: `person-${person.id}`, group: "people", icon: "user", isStranger: true, label: personName(person),
  detail: person.name ? formatPhone(person.phone_number) : "", run: () => navigate("people", person.id),
});

/** Searches on the server. Throws ApiError, or AbortError of the signal. */
export async function searchEntries(text, signal) {
  const read = (path, query) => call("GET", path, { query: { search: text, limit: MAX_FOUND, ...query }, signal });
  const [conversations, people] = await Promise.all([read("/api/conversations"), read("/api/contacts", { sort: "name" })]);
  return [
    ...listOf(conversations, "conversations").slice(0, MAX_FOUND).map(conversationEntry),
    ...listOf(people, "contacts").slice(0, MAX_FOUND).map(personEntry),
  ];
}
