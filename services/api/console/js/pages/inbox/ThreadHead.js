// The head of a thread: who it is, who has it, and what can be done with it.

import { Avatar } from "../../components/Avatar.js";
import { Button, IconButton } from "../../components/Button.js";
import { Menu } from "../../components/Menu.js";
import { personName } from "../../formats.js";
import { t } from "../../language.js";
import { can, ownId } from "../../network/session.js";
import { formatPhone } from "../../phone_format.js";
import { html, useRef, useState } from "../../rendering.js";
import { navigate } from "../../router.js";
import { useShortcut } from "../../shell/shortcuts.js";
import { showSimulator } from "../../simulator/simulator.js";
import { memberOf, members } from "../../store/members.js";
import { config, instances, useRecord } from "../../store/signals.js";
import { store } from "../../store/store.js";
import { assign, close, isClosed, isMine, reopen } from "./assignment.js";
import { conversationAfter } from "./conversation_order.js";
import { walkTo } from "./conversation_walk.js";

/** The contact's presence, and the colleagues who are writing. */
function Activity({ thread }) {
  const presence = thread.presence.text();
  const names = thread.presence.colleagueIds.value.map((id) => memberOf(id)?.name ?? t("inbox.colleague"));
  return html`
    <span class="presence" role="status">${presence}</span>
    <span class="colleagues-typing" role="status">${names.length > 0 && t("inbox.colleaguesTyping", { n: names.length, names: names.join(", ") })}</span>
  `;
}

function About({ conversation, contact, instance }) {
  const assignee = conversation?.assigned_to;
  const parts = [
    contact?.name && formatPhone(contact.phone_number),
    instance && t("inbox.via", { account: instance.instance_name }),
    assignee && (assignee === ownId() ? t("inbox.assignedToYou") : t("inbox.assignedTo", { name: memberOf(assignee)?.name ?? t("common.formerUser") })),
  ];
  return html`<span class="about">${parts.filter(Boolean).join(" · ")}</span>`;
}

/** Runs one action at a time, and shows its error below the head. → {run(work), problem, dismiss} */
function useActions() {
  const [problem, setProblem] = useState(null);
  const running = useRef(false);
  async function run(work) {
    if (running.current) return; // a disabled button would lose the focus
    running.current = true;
    setProblem(null);
    await work().catch(setProblem);
    running.current = false;
  }
  return { run, problem, dismiss: () => setProblem(null) };
}

function HeadButton({ icon, text, onClick, ...rest }) {
  return html`<${Button} size="small" class="assignment" icon=${icon} aria-label=${text} title=${text} onClick=${onClick} ...${rest}><span>${text}</span></${Button}>`;
}

function AssignMenu({ conversation, run }) {
  const assignee = conversation.assigned_to ?? null;
  const others = [...members.value.values()].map((member) => ({
    label: member.id === ownId() ? t("inbox.you", { name: member.name }) : member.name,
    checked: member.id === assignee,
    onSelect: () => member.id !== assignee && run(() => assign(conversation, member.id)),
  }));
  const nobody = { label: t("inbox.nobody"), checked: !assignee, onSelect: () => assignee && run(() => assign(conversation, null)) };
  return html`<${Menu} label=${t("inbox.assignToOther")} icon="chevron-down" class="assign-menu" items=${[...others, nobody]} />`;
}

function Actions({ conversation, run }) {
  const mine = isMine(conversation);
  const assignText = mine ? t("inbox.giveBack") : t(conversation.assigned_to ? "inbox.takeOver" : "inbox.assignToMe");
  async function closeAndGoOn(open) {
    const next = conversationAfter(conversation.id);
    await close(conversation);
    open(next);
  }
  useShortcut("assignToMe", () => !mine && run(() => assign(conversation, "me")));
  useShortcut("closeAndNext", () => !isClosed(conversation) && run(() => closeAndGoOn(walkTo)));
  return html`
    <span class="assign-group">
      <${HeadButton} icon="user" text=${assignText} data-key="assign" onClick=${() => run(() => assign(conversation, mine ? null : "me"))} />
      <${AssignMenu} conversation=${conversation} run=${run} />
    </span>
    <${HeadButton}
      icon=${isClosed(conversation) ? "inbox" : "check"} text=${t(isClosed(conversation) ? "inbox.reopen" : "inbox.close")} data-key="status"
      onClick=${() => run(() => (isClosed(conversation) ? reopen(conversation) : close(conversation)))}
    />
    ${!isClosed(conversation) && html`<${IconButton} icon="check-next" label=${t("inbox.closeAndNext")} class="small" data-key="close-next" onClick=${() => run(() => closeAndGoOn((next) => navigate("inbox", next)))} />`}
  `;
}

export function ThreadHead({ id, thread, person }) {
  const conversation = useRecord("conversations", id);
  const contact = useRecord("contacts", conversation?.contact_id) ?? conversation?.contact;
  const instance = instances.value.length ? store.instances.get(conversation?.instance_id) : null;
  const actions = useActions();
  const name = conversation ? personName(contact) : t("inbox.conversation");
  const hasCustomer = instance?.network === "simulator" && config.value.simulator;
  return html`
    <header class="thread-head">
      <${IconButton} icon="back" class="back" href="#/inbox" label=${t("inbox.back")} />
      <${Avatar} name=${name} contactId=${conversation?.contact_id} />
      <div class="who">
        <h2 dir="auto">${name}</h2>
        <p class="muted small"><${Activity} thread=${thread} /><${About} conversation=${conversation} contact=${contact} instance=${instance} /></p>
      </div>
      ${conversation && can("send") && html`<${Actions} conversation=${conversation} run=${actions.run} />`}
      ${hasCustomer && html`<${HeadButton} icon="phone" text=${t("inbox.customer")} aria-label=${t("inbox.showCustomer")} data-key="sim" onClick=${() => showSimulator(instance)} />`}
      ${person && html`<${IconButton} icon="user" label=${t("inbox.person")} aria-pressed=${String(person.isOpen)} onClick=${person.toggle} />`}
    </header>
    ${actions.problem && html`
      <div class="head-problem" role="alert"><p class="error">${actions.problem.message}</p><${IconButton} icon="close" label=${t("common.close")} onClick=${actions.dismiss} /></div>
    `}
  `;
}
