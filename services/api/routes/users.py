"""The people of an organization, and inviting more of them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, field_validator

from services.api.access.revocation_steps import after_removal, after_role_change
from services.api.context import Ctx, Manager, Reader
from services.api.request_fields import OMITTABLE, Email, Name, RequestBody
from services.api.responses import Item, Ok, Page, Secret
from services.api.store.members import pending_revocation_of, role_of
from shared.contracts.errors import Problem
from shared.contracts.principal import ROLE_SCOPES, Principal, Role
from shared.platform.mongo import Document

router = APIRouter(prefix="/api", tags=["users"])


class Member(BaseModel):
    """`role`: viewer reads, agent sends too, admin manages too, owner decides about owners too."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime


class MemberChanges(RequestBody):
    """What is left out stays."""

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
    id: str
    email: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


class CreatedInvitation(Invitation):
    """`token` is shown this once: whoever has it becomes the user, by POST /api/auth/accept-invitation."""

    token: Secret


def _member(document: Document) -> Member:
    return Member.model_validate({**document, "id": document["_id"], "role": role_of(document)})


def _invitation(document: Document) -> Invitation:
    return Invitation.model_validate({**document, "id": document["_id"]})


def _allow(caller: Principal, *roles: Role | None) -> None:
    """API keys count as admins, and give nobody a scope they do not have. Raises Problem 403 `role_missing` or
    `scope_missing`."""
    if "owner" in roles and caller.role != "owner":
        raise Problem(403, "role_missing", "only an owner decides about owners; ask one of /api/users")
    beyond = {scope for role in roles if role for scope in ROLE_SCOPES[role] - caller.scopes}
    if beyond:
        detail = f"role: it has the scopes {', '.join(sorted(beyond))}, which you do not have yourself"
        raise Problem(403, "scope_missing", detail)


def _only_owner(user: Document) -> tuple[Role, ...]:
    """Whom a change concerns matters only for owners: taking scopes away needs none of them."""
    return ("owner",) if role_of(user) == "owner" else ()


@router.get("/users")
async def list_users(context: Ctx, caller: Reader) -> Page[Member]:
    """The oldest first."""
    return Page(data=[_member(found) for found in await context.members.all_of(caller.organization_id)])


@router.get("/users/{user_id}")
async def read_user(context: Ctx, caller: Reader, user_id: str) -> Item[Member]:
    """One of them."""
    return Item(data=_member(await context.members.get(caller.organization_id, user_id)))


@router.patch("/users/{user_id}")
async def change_user(context: Ctx, caller: Manager, user_id: str, body: MemberChanges) -> Item[Member]:
    """Change the name or the role; a new role counts from the next request on. The last owner stays one."""
    found = await context.members.get(caller.organization_id, user_id)
    _allow(caller, body.role, *_only_owner(found))
    changes = body.model_dump(exclude_unset=True)
    if changes.get("role") == role_of(found):
        del changes["role"]
    if not changes:
        return Item(data=_member(found))
    changed = await context.members.change(caller.organization_id, user_id, changes)
    if "role" in changes:
        await after_role_change(context, changed, role_of(changed), pending_revocation_of(changed))
    return Item(data=_member(changed))


@router.delete("/users/{user_id}")
async def remove_user(context: Ctx, caller: Manager, user_id: str) -> Ok:
    """From now on the user's logins, and the API keys and invitations the user made, open nothing. The last owner
    stays."""
    organization_id = caller.organization_id
    _allow(caller, *_only_owner(await context.members.get(organization_id, user_id)))
    removed = await context.members.remove(organization_id, user_id)
    await after_removal(context, removed, pending_revocation_of(removed))
    return Ok()


@router.post("/invitations", status_code=201)
async def invite(context: Ctx, caller: Manager, body: NewInvitation) -> Item[CreatedInvitation]:
    """Make a one-time token and hand it to the person yourself: no mail is sent."""
    _allow(caller, body.role)
    ttl = context.settings.invitation_ttl
    document, token = await context.invitations.create(caller, body.email, body.role, ttl)
    return Item(data=CreatedInvitation(**_invitation(document).model_dump(), token=token))


@router.get("/invitations")
async def list_invitations(context: Ctx, caller: Manager) -> Page[Invitation]:
    """Those still open, the newest 200."""
    found = await context.invitations.all_of(caller.organization_id)
    return Page(data=[_invitation(document) for document in found])


@router.delete("/invitations/{invitation_id}")
async def withdraw_invitation(context: Ctx, caller: Manager, invitation_id: str) -> Ok:
    """From now on its token opens nothing."""
    await context.invitations.withdraw(caller.organization_id, invitation_id)
    return Ok()
