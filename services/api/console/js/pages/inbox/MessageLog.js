// The messages of a thread, with days, the line above new messages, and the button to the newest one.

import { Button } from "../../components/Button.js";
import { Icon } from "../../components/Icon.js";
import { SkeletonRows } from "../../components/placeholders.js";
import { VirtualList } from "../../components/VirtualList.js";
import { formatDay } from "../../formats.js";
import { t } from "../../language.js";
import { html, memo, useLayoutEffect, useRef } from "../../rendering.js";
import { Bubble } from "./Bubble.js";
import { messageRows } from "./message_rows.js";

const keyOf = ({ message }) => message.id;

const MessageRow = memo(({ message, startsDay, startsNew, isGrouped, quote, isHighlighted, thread }) => html`
  ${startsDay && html`<div class="day"><span>${formatDay(message.timestamp)}</span></div>`}
  ${startsNew && html`<div class="unread-separator" role="separator" aria-label=${t("inbox.newLine")}><span>${t("inbox.newLine")}</span></div>`}
  <${Bubble} message=${message} isGrouped=${isGrouped} quote=${quote} isHighlighted=${isHighlighted} thread=${thread} />
`);

function JumpToNewest({ thread }) {
  const { isShown, count } = thread.jump.value;
  const label = count ? t("inbox.toNewMessages", { n: count }) : t("inbox.toNewest");
  return html`
    <button class="button small jump-to-newest" type="button" hidden=${!isShown} aria-label=${label} onClick=${thread.toNewest}>
      <${Icon} name="arrow-down" />${count ? t("inbox.newMessages", { n: count }) : t("inbox.newest")}
    </button>
  `;
}

/** `version`: it is drawn again with the messages. Before the first page: a skeleton, or after its failure the button that reads it again. */
function LogHeader({ thread }) {
  const { loaded } = thread;
  const failed = Boolean(thread.error.value);
  if (!loaded.isLoaded() && !failed) return html`<${SkeletonRows} kind="message" count=${6} />`;
  if (loaded.isLoaded() && !loaded.hasOlder()) return null;
  return html`<${Button} size="small" class="load-page" onClick=${() => thread.more("older", { retry: true })}>${t("inbox.loadOlder")}</${Button}>`;
}

/** `version`: it is drawn again with the messages. */
function LogFooter({ thread }) {
  if (!thread.loaded.hasNewer()) return null;
  return html`<${Button} size="small" class="load-page" onClick=${() => thread.more("newer", { retry: true })}>${t("inbox.loadNewer")}</${Button}>`;
}

export function MessageLog({ thread }) {
  const scroller = useRef(null);
  const version = thread.version.value;
  const { loaded } = thread;
  useLayoutEffect(() => thread.drawn(), [version]);
  useLayoutEffect(() => { if (thread.opensAt) scroller.current.focus({ preventScroll: true }); }, []);
  return html`
    <div class="log-frame">
      <${VirtualList}
        class="log" label=${t("inbox.messages")} role="group" aria-label=${t("inbox.log")} tabindex="0" scrollerRef=${scroller} controls=${thread.list}
        items=${messageRows(loaded, thread.marks)} keyOf=${keyOf} renderItem=${(row) => html`<${MessageRow} ...${row} thread=${thread} />`}
        sticksToEnd=${loaded.reachesNewest()} startComplete=${!loaded.hasOlder()} complete=${!loaded.hasNewer()} onScroll=${thread.scrolled}
        onNearStart=${() => thread.more("older")} onNearEnd=${() => thread.more("newer")}
        header=${html`<${LogHeader} thread=${thread} version=${version} />`} footer=${html`<${LogFooter} thread=${thread} version=${version} />`}
      />
      <${JumpToNewest} thread=${thread} />
    </div>
  `;
}
