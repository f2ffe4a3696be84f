"""Users of an organization, and invitations."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, field_validator

from services.api.access.revocation_steps import after_removal, after_role_change
from services.api.context import ApiContext, Ctx, Manager, Reader
from services.api.mail.link_mails import mail_invitation
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import OMITTABLE, Email, Name, RequestBody
from services.api.responses import Item, Ok, Page, Secret
from services.api.store.invitations import InvitationRecord
from services.api.store.user_records import UserRecord
from shared.contracts.errors import Problem
from shared.contracts.principal import ROLE_SCOPES, Principal, Role

router = APIRouter(prefix="/api", tags=["users"])


class Member(BaseModel):
    """`role`: viewer reads, agent also sends, admin also manages, owner also manages owners."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime


class MemberChanges(RequestBody):
    """Omitted fields do not change."""

    name: Annotated[Name | None, OMITTABLE] = None
    role: Annotated[Role | None, OMITTABLE] = None

    @field_validator("name", "role")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be null; leave it out to keep what it is")
        return value


class NewInvitation(RequestBody):
    email: Email
    role: Role = "agent"


class Invitation(BaseModel):
    """`created_by_name`: of the user or API key that made or renewed it; null when there is none any more."""

    id: str
    email: str
    role: Role
    created_by: str
    created_by_name: str | None
    created_at: datetime
    expires_at: datetime


class CreatedInvitation(Invitation):
    """`token` is shown only in this response. Whoever has it can become the user, by POST
    /api/auth/accept-invitation. `mailed`: the link is sent to the address by e-mail."""

    token: Secret
    mailed: bool


def _member(user: UserRecord) -> Member:
    return Member.model_validate(user, from_attributes=True)


async def _invitations(context: ApiContext, records: Sequence[InvitationRecord]) -> list[Invitation]:
    """`records`: of one organization."""
    organization_id = records[0].organization_id if records else ""
    names = await context.members.names_of(organization_id, {record.created_by for record in records})
    return [Invitation(**asdict(record), created_by_name=names.get(record.created_by)) for record in records]


async def _created(context: ApiContext, record: InvitationRecord, token: str) -> Item[CreatedInvitation]:
    invitation = (await _invitations(context, [record]))[0]
    mailed = await mail_invitation(context, record, token)
    return Item(data=CreatedInvitation(**invitation.model_dump(), token=token, mailed=mailed))


def require_may_assign(caller: Principal, *roles: Role | None) -> None:
    """Require that the caller may assign these roles. API keys count as admins, and cannot give a scope they do not
    have. Raises Problem 403 `role_missing` or `scope_missing`."""
    if "owner" in roles and caller.role != "owner":
        raise Problem(403, "role_missing", "only an owner decides about owners; ask one of /api/users")
    missing = {scope for role in roles if role for scope in ROLE_SCOPES[role] - caller.scopes}
    if missing:
        detail = f"role: it has the scopes {', '.join(sorted(missing))}, which you do not have yourself"
        raise Problem(403, "scope_missing", detail)


def _protected_roles(user: UserRecord) -> tuple[Role, ...]:
    """The roles that a caller needs to change this user: only owners are protected; taking scopes away needs none."""
    return ("owner",) if user.role == "owner" else ()


@router.get("/users")
@served_on_nats("wa.query.user.list", "ListUsers")
async def list_users(context: Ctx, caller: Reader) -> Page[Member]:
    """Oldest first."""
    return Page(data=[_member(user) for user in await context.members.all_of(caller.organization_id)])


@router.get("/users/{user_id}")
@served_on_nats("wa.query.user.read", "ReadUser")
async def read_user(context: Ctx, caller: Reader, user_id: str) -> Item[Member]:
    """One user."""
    return Item(data=_member(await context.members.get(caller.organization_id, user_id)))


@router.patch("/users/{user_id}")
@served_on_nats("wa.command.user.change", "ChangeUserRequest", note="Owners are changed over REST only.")
async def change_user(context: Ctx, caller: Manager, user_id: str, body: MemberChanges) -> Item[Member]:
    """Change the name or the role; a new role applies from the next request on. 409 `last_owner`: the last owner cannot
    change their role."""
    user = await context.members.get(caller.organization_id, user_id)
    require_may_assign(caller, body.role, *_protected_roles(user))
    new_role = None if body.role == user.role else body.role
    if body.name is None and new_role is None:
        return Item(data=_member(user))
    user, revocation = await context.members.change(caller.organization_id, user_id, name=body.name, role=new_role)
    if revocation:
        await after_role_change(context, revocation)
    return Item(data=_member(user))


@router.delete("/users/{user_id}")
@served_on_nats("wa.command.user.remove", "RemoveUserRequest", note="Owners are removed over REST only.")
async def remove_user(context: Ctx, caller: Manager, user_id: str) -> Ok:
    """Remove a user, and revoke their logins and the API keys and invitations they made. 409 `last_owner`: the last
    owner cannot be removed."""
    organization_id = caller.organization_id
    require_may_assign(caller, *_protected_roles(await context.members.get(organization_id, user_id)))
    await after_removal(context, await context.members.remove(organization_id, user_id))
    return Ok()


@router.post("/invitations", status_code=201)
@served_on_nats("wa.command.invitation.create", "CreateInvitationRequest")
async def invite(context: Ctx, caller: Manager, body: NewInvitation) -> Item[CreatedInvitation]:
    """Create a one-time token. Where SMTP is set it is mailed to the address; otherwise give it to the person
    yourself."""
    require_may_assign(caller, body.role)
    ttl = context.settings.invitation_ttl
    invitation, token = await context.invitations.create(caller, body.email, body.role, ttl)
    return await _created(context, invitation, token)


@router.post("/invitations/{invitation_id}/renew")
@served_on_nats("wa.command.invitation.renew", "RenewInvitationRequest")
async def renew_invitation(context: Ctx, caller: Manager, invitation_id: str) -> Item[CreatedInvitation]:
    """Give an invitation that nobody has accepted a new token and a new expiry, also when it has expired. Its tokens
    before end: they are answered 410 `invitation_renewed`. From now on it is an invitation of the caller."""
    pending = await context.invitations.get_pending(caller.organization_id, invitation_id)
    require_may_assign(caller, pending.role)
    ttl = context.settings.invitation_ttl
    invitation, token = await context.invitations.renew(caller, invitation_id, ttl)
    return await _created(context, invitation, token)


@router.get("/invitations")
@served_on_nats("wa.query.invitation.list", "ListInvitations")
async def list_invitations(context: Ctx, caller: Manager) -> Page[Invitation]:
    """The newest 200 that can still be accepted."""
    records = await context.invitations.all_of(caller.organization_id)
    return Page(data=await _invitations(context, records))


@router.delete("/invitations/{invitation_id}")
@served_on_nats("wa.command.invitation.withdraw", "WithdrawInvitationRequest")
async def withdraw_invitation(context: Ctx, caller: Manager, invitation_id: str) -> Ok:
    """Invalidate its token."""
    await context.invitations.withdraw(caller.organization_id, invitation_id)
    return Ok()
