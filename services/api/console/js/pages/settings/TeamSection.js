// The users of the organization, and invitations by a link.

import { Avatar } from "../../components/Avatar.js";
import { Badge } from "../../components/Badge.js";
import { Button } from "../../components/Button.js";
import { confirm, openDialog } from "../../components/Dialog.js";
import { Card, PageHeader } from "../../components/layout.js";
import { Menu } from "../../components/Menu.js";
import { ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { StrangerText } from "../../components/StrangerText.js";
import { Time } from "../../components/Time.js";
import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get, patch, post, remove } from "../../network/rest.js";
import { ownId, ownRole } from "../../network/session.js";
import { html } from "../../rendering.js";
import { InviteDialog } from "./InviteDialog.js";
import { LinkDialog, linkOf } from "./LinkDialog.js";
import { useLoaded } from "./useLoaded.js";

export const ROLES = ["owner", "admin", "agent", "viewer"];
const pathOf = (kind, { id }) => `/api/${kind}/${encodeURIComponent(id)}`;

/** Only owners decide about owners. */
const mayChange = (member) => ownRole() === "owner" || member.role !== "owner";
export const assignableRoles = () => ROLES.filter((role) => role !== "owner" || ownRole() === "owner");

const failed = (thrown) => toast(displayError(thrown).message, { tone: "bad" });

function memberActions(member, reload) {
  const setRole = async (role) => {
    try {
      await patch(pathOf("users", member), { role });
      toast(t("common.saved"));
    } catch (thrown) {
      failed(thrown);
    }
    reload();
  };
  const resetPassword = async () => {
    try {
      const { data } = await post(`${pathOf("users", member)}/password-reset`);
      openDialog((close) => html`<${LinkDialog} title=${t("settings.resetLinkTitle", { name: member.name })} text=${t("settings.resetLinkText")} link=${linkOf("password-reset", data.token)} until=${data.expires_at} onClose=${close} />`);
    } catch (thrown) {
      failed(thrown);
    }
  };
  const removeMember = async () => {
    const run = () => remove(pathOf("users", member));
    if (await confirm({ title: t("settings.removeMemberTitle", { name: member.name }), text: t("settings.removeMemberText"), action: t("common.remove"), danger: true, run })) reload();
  };
  return [
    ...assignableRoles().map((role) => ({ label: t(`settings.role.${role}`), checked: role === member.role, onSelect: () => role !== member.role && setRole(role) })),
    { label: t("settings.makeResetLink"), icon: "key", onSelect: resetPassword },
    { label: t("common.remove"), icon: "trash", danger: true, onSelect: removeMember },
  ];
}

function MemberRow({ member, reload }) {
  return html`
    <li class="setting-row">
      <${Avatar} name=${member.name} size="small" />
      <div class="main"><strong><${StrangerText} text=${member.name} /></strong><span class="muted small">${member.email}</span></div>
      ${member.id === ownId() && html`<${Badge}>${t("common.you")}</${Badge}>`}
      <${Badge}>${t(`settings.role.${member.role}`)}</${Badge}>
      ${mayChange(member) && html`<${Menu} label=${t("settings.moreFor", { name: member.name })} items=${memberActions(member, reload)} />`}
    </li>
  `;
}

function InvitationRow({ invitation, reload }) {
  const renew = async () => {
    try {
      const { data } = await post(`${pathOf("invitations", invitation)}/renew`);
      await openDialog((close) => html`<${LinkDialog} title=${t("settings.inviteLinkTitle")} text=${t("settings.inviteLinkText", { email: invitation.email })} link=${linkOf("invitation", data.token)} until=${data.expires_at} onClose=${close} />`);
    } catch (thrown) {
      failed(thrown);
    }
    reload();
  };
  const withdraw = async () => {
    const run = () => remove(pathOf("invitations", invitation));
    if (await confirm({ title: t("settings.withdrawTitle"), text: t("settings.withdrawText", { email: invitation.email }), action: t("settings.withdraw"), danger: true, run })) reload();
  };
  return html`
    <li class="setting-row">
      <div class="main"><strong>${invitation.email}</strong><span class="muted small">${t(`settings.role.${invitation.role}`)} · ${t("settings.validUntil")} <${Time} at=${invitation.expires_at} format="dateTime" /></span></div>
      <${Button} size="small" icon="link" onClick=${renew}>${t("settings.newLink")}</${Button}>
      <${Button} size="small" onClick=${withdraw}>${t("settings.withdraw")}</${Button}>
    </li>
  `;
}

export function TeamSection() {
  const users = useLoaded(() => get("/api/users"));
  const invitations = useLoaded(() => get("/api/invitations"));
  const invite = async () => {
    if (await openDialog((close) => html`<${InviteDialog} roles=${assignableRoles()} onClose=${close} />`)) invitations.reload();
  };
  const rows = (loaded, row) => html`
    ${loaded.problem && html`<${ErrorState} problem=${loaded.problem} onRetry=${loaded.reload} />`}
    ${!loaded.data && !loaded.problem && html`<${SkeletonRows} count=${3} />`}
    ${loaded.data && html`<ul class="setting-rows">${loaded.data.data.map(row)}</ul>`}
  `;
  return html`
    <div class="page">
      <${PageHeader} title=${t("settings.team")} subtitle=${t("settings.teamText")} actions=${html`<${Button} variant="primary" icon="plus" onClick=${invite}>${t("settings.invite")}</${Button}>`} />
      <${Card} title=${t("settings.members")}>${rows(users, (member) => html`<${MemberRow} key=${member.id} member=${member} reload=${users.reload} />`)}</${Card}>
      ${(invitations.problem || invitations.data?.data.length > 0) && html`
        <${Card} title=${t("settings.invitations")}>${rows(invitations, (invitation) => html`<${InvitationRow} key=${invitation.id} invitation=${invitation} reload=${invitations.reload} />`)}</${Card}>
      `}
    </div>
  `;
}
