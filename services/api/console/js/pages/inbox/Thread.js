// One conversation: its head, its messages, the field for an answer.

import { can } from "../../network/session.js";
import { watchThreadEnd } from "../../notices/open_thread.js";
import { html, useEffect, useLayoutEffect, useMemo } from "../../rendering.js";
import { useRecord } from "../../store/signals.js";
import { contactOf } from "../../store/store.js";
import { Composer } from "./Composer.js";
import { MessageLog } from "./MessageLog.js";
import { createThread } from "./thread_model.js";
import { ThreadHead } from "./ThreadHead.js";

const ThreadError = ({ thread }) => html`<p class="error box thread-error" role="alert">${thread.error.value}</p>`;
const Announcement = ({ thread }) => html`<p class="visually-hidden" role="status">${thread.announcement.value}</p>`;

export function Thread({ id, messageId, person = null }) {
  const thread = useMemo(() => createThread(id, messageId), [id, messageId]);
  useEffect(() => thread.close, [thread]);
  useEffect(() => watchThreadEnd(thread.isAtNewest), [thread]);
  const conversation = useRecord("conversations", id);
  useLayoutEffect(() => {
    if (conversation?.contact_id) contactOf(conversation.contact_id).catch(() => {});
  }, [conversation?.contact_id]);
  return html`
    <${ThreadHead} id=${id} thread=${thread} person=${person} />
    <${MessageLog} key=${messageId ?? ""} thread=${thread} />
    <div class="thread-foot">
      <${Announcement} thread=${thread} />
      <${ThreadError} thread=${thread} />
      ${can("send") && html`<${Composer} id=${id} thread=${thread} />`}
    </div>
  `;
}
