// The inbox: conversations, one thread, and the person in it; one pane at a time on phones.

import { EmptyState } from "../../components/placeholders.js";
import { t } from "../../language.js";
import { currentSession } from "../../network/session.js";
import { html, useEffect, useLayoutEffect, useRef } from "../../rendering.js";
import { useShortcut } from "../../shell/shortcuts.js";
import { loadMembers } from "../../store/members.js";
import { conversationOf, on, pinConversation } from "../../store/store.js";
import { ConversationList } from "./ConversationList.js";
import { walk } from "./conversation_walk.js";
import { useInboxLayout } from "./inbox_layout.js";
import { PERSON_PART, personPane } from "./person_pane_state.js";
import { PersonPane } from "./PersonPane.js";
import { Thread } from "./Thread.js";
import "../../words/inbox.js";

/** Keeps the open conversation in the cache, and reads it: one that is opened by a link may be in no loaded page. */
function useOpenConversation(id) {
  useLayoutEffect(() => {
    pinConversation(id);
    if (id) conversationOf(id).catch(() => {}); // the thread shows the error
  }, [id]);
  useEffect(() => on("resync", () => id && conversationOf(id, true).catch(() => {})), [id]);
  useEffect(() => () => pinConversation(null), []);
}

/** The message at which the thread was opened; an address without one leaves the thread where it is. */
function usePlace(id, messageId) {
  const place = useRef({ id, messageId });
  if (id !== place.current.id || (messageId && messageId !== place.current.messageId)) place.current = { id, messageId };
  return place.current;
}

export function InboxPage({ id, part }) {
  const root = useRef(null);
  const layout = useInboxLayout(root);
  const person = personPane(layout, id, part);
  const place = usePlace(id, part === PERSON_PART ? null : part);
  useOpenConversation(id);
  useShortcut("nextConversation", () => walk(1));
  useShortcut("previousConversation", () => walk(-1));
  useEffect(() => loadMembers(currentSession()?.organizationId), []);
  return html`
    <div class=${`inbox ${id ? "has-thread" : ""} ${person.isOpen ? "has-person" : ""}`} data-layout=${layout} ref=${root}>
      <${ConversationList} openId=${id} />
      <section class="thread-pane" aria-label=${t("inbox.conversation")}>
        ${id
          ? html`<${Thread} key=${id} id=${id} messageId=${place.messageId} person=${person} />`
          : html`<${EmptyState} icon="inbox" title=${t("inbox.choose")} text=${t("inbox.chooseText")} />`}
      </section>
      ${person.isOpen && html`<${PersonPane} conversationId=${id} onClose=${person.toggle} />`}
    </div>
  `;
}
