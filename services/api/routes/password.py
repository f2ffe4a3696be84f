"""Changes the caller's own password."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from services.api.access.hash_queue import HashClient
from services.api.access.password_check import check_password, client_address, login_origin
from services.api.context import ApiContext, Ctx, Reader
from services.api.problems import request_id_of
from services.api.request_fields import RequestBody
from services.api.responses import Ok
from services.api.routes.auth import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from services.api.store.audit_log import AuditEvent
from services.api.store.pending_revocations import PendingRevocation
from services.api.store.user_records import UserRecord
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.mongo import ClientSession, in_transaction

router = APIRouter(prefix="/api/auth", tags=["auth"])


class PasswordChange(RequestBody):
    """The current and the new password."""

    old_password: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
    new_password: Annotated[str, Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]


@router.post("/password")
async def change_password(context: Ctx, caller: Reader, request: Request, body: PasswordChange) -> Ok:
    """Set a new password. All other logins of this user end, and all other devices are forgotten. A wrong old password
    counts as a failed login."""
    user = await _user_of(context, caller)
    same_email = await context.users.all_by_email(user.email, caller.organization_id)
    check = await check_password(context, request, user.email, same_email, body.old_password)
    matching = next((each for each in check.matching_users if each.id == caller.subject), None)
    if matching is None:
        await context.audit.record(_audit_event(request, caller, "change_password_failed"))
        field_error = {"field": "old_password", "code": "wrong_password", "message": "This is not your password."}
        raise check.refusal_of_others or Problem(
            403, "wrong_password", "old_password: is not your password", errors=[field_error]
        )
    client = HashClient(f"user:{caller.subject}", known=True)
    new = await context.passwords.hash(body.new_password, client, other_hashes=[matching.password_hash])
    ended_logins = await _change(context, caller, request, (matching.password_hash, new))
    await context.revocations.publish_password_changed(ended_logins)
    return Ok()


async def _change(
    context: ApiContext, caller: Principal, request: Request, hashes: tuple[str, str]
) -> PendingRevocation:
    """In one transaction, so that no other login stays open with the new password. `hashes`: the old and the new one.
    Raises Problem 409 `password_changed_meanwhile`."""

    async def write(session: ClientSession) -> PendingRevocation:
        if not await context.users.set_password(caller.subject, *hashes, session):
            detail = "the password was changed just now; log in with the new one"
            raise Problem(409, "password_changed_meanwhile", detail)
        ended_logins = await context.logins.end_all_of(
            caller.organization_id, caller.subject, caller.session_id, session
        )
        await context.devices.forget_all_of(caller.subject, login_origin(request, caller.subject), session)
        await context.audit.record(_audit_event(request, caller, "change_password"), session)
        return ended_logins

    return await in_transaction(context.database, write)


def _audit_event(request: Request, caller: Principal, action: str) -> AuditEvent:
    return AuditEvent(caller.organization_id, caller.subject, action, client_address(request), request_id_of(request))


async def _user_of(context: ApiContext, caller: Principal) -> UserRecord:
    """Raises Problem 409 `no_login` for API keys, which have no password."""
    user = await context.users.by_id(caller.subject)
    if user is None:
        raise Problem(409, "no_login", "this token belongs to no user; only a user has a password")
    return user
