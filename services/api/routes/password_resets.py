"""A new password for a user who forgot theirs: by a link that somebody who manages users makes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.api.access.guessed_tokens import counted_guesses
from services.api.access.password_check import client_address
from services.api.context import ApiContext, Ctx, Manager
from services.api.nats.served_on_nats import served_on_nats
from services.api.problems import request_id_of
from services.api.request_fields import RequestBody
from services.api.responses import Item, Secret
from services.api.routes.auth import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    LoginResult,
    new_login,
    unknown_client,
)
from services.api.routes.users import require_may_assign
from services.api.store.audit_log import AuditEvent
from services.api.store.password_resets import PasswordResetRecord
from services.api.store.pending_revocations import PendingRevocation
from shared.contracts.errors import Problem
from shared.platform.mongo import ClientSession, in_transaction

router = APIRouter(prefix="/api", tags=["auth"])

Token = Annotated[str, Field(min_length=1, max_length=128)]


class CreatedPasswordReset(BaseModel):
    """`token` is shown only in this response. Whoever has it can set the user's password, by POST
    /api/auth/password-reset."""

    token: Secret
    expires_at: datetime


class PasswordResetToken(RequestBody):
    """`token`: of the link."""

    token: Token


class PasswordResetDetails(BaseModel):
    email: str
    name: str
    organization_name: str
    expires_at: datetime


class PasswordReset(RequestBody):
    """`token`: of the link. `password`: the new one."""

    token: Token
    password: Annotated[str, Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]


@router.post("/users/{user_id}/password-reset", status_code=201)
@served_on_nats("wa.command.user.reset-password", "CreatePasswordResetRequest", note="Of owners over REST only.")
async def create_password_reset(context: Ctx, caller: Manager, user_id: str) -> Item[CreatedPasswordReset]:
    """Create a one-time token with which the user sets a new password; give it to them yourself. Earlier tokens of the
    user end. Only owners do this for owners."""
    user = await context.members.get(caller.organization_id, user_id)
    require_may_assign(caller, user.role)
    token, expires_at = await context.password_resets.create(user, caller.subject, context.settings.password_reset_ttl)
    return Item(data=CreatedPasswordReset(token=token, expires_at=expires_at))


@router.post("/auth/password-reset/inspect")
async def inspect_password_reset(
    context: Ctx, request: Request, body: PasswordResetToken
) -> Item[PasswordResetDetails]:
    """Whose password the link sets. Nothing changes: programs that open every link of a mail do not use it up. Refused
    as password-reset would refuse it."""
    async with counted_guesses(context, request):
        reset = await context.password_resets.get_open(body.token)
    organization = await context.organizations.read(reset.user.organization_id)
    return Item(
        data=PasswordResetDetails(
            email=reset.user.email,
            name=reset.user.name,
            organization_name=organization.name,
            expires_at=reset.expires_at,
        )
    )


@router.post("/auth/password-reset")
async def reset_password(context: Ctx, request: Request, response: Response, body: PasswordReset) -> LoginResult:
    """Set a new password, and log in. All other logins of this user end, and all devices are forgotten. A link works
    once: 404 `password_reset_invalid`, 409 `password_reset_used`, 410 `password_reset_expired`,
    `password_reset_replaced` or `password_reset_withdrawn`."""
    async with counted_guesses(context, request):
        reset = await context.password_resets.get_open(body.token)
    same_email = await context.users.all_by_email(reset.user.email, reset.user.organization_id)
    other_hashes = [user.password_hash for user in same_email if user.id != reset.user.id]
    password_hash = await context.passwords.hash(body.password, unknown_client(request), other_hashes)
    ended_logins = await _reset(context, request, reset, password_hash)
    await context.revocations.publish_password_changed(ended_logins)
    user = await context.users.by_id(reset.user.id)
    if user is None:
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    return await new_login(context, request, response, user, "login")


async def _reset(
    context: ApiContext, request: Request, reset: PasswordResetRecord, password_hash: str
) -> PendingRevocation:
    """In one transaction, so that the link is used exactly when the password is set and every login has ended."""
    user = reset.user
    event = AuditEvent(user.organization_id, user.id, "reset_password", client_address(request), request_id_of(request))

    async def write(session: ClientSession) -> PendingRevocation:
        await context.password_resets.use(reset, session)
        if not await context.users.set_password(user.id, user.password_hash, password_hash, session):
            detail = "the password was changed just now; log in with the new one"
            raise Problem(409, "password_changed_meanwhile", detail)
        ended_logins = await context.logins.end_all_of(user.organization_id, user.id, None, session)
        await context.devices.forget_all_of(user.id, None, session)
        await context.audit.record(event, session)
        return ended_logins

    return await in_transaction(context.database, write)
