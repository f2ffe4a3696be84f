"""The caller's own logins: where they are logged in, and how they end one of them or all others."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

from services.api.access.password_check import client_address
from services.api.context import ApiContext, Ctx, Paging, Reader
from services.api.problems import request_id_of
from services.api.responses import Ok, Page
from services.api.store.audit_log import AuditEvent
from services.api.store.logins import LoginRecord
from shared.contracts.errors import Problem
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Principal

router = APIRouter(prefix="/api/auth/logins", tags=["auth"])


class Login(BaseModel):
    """`last_used_at`: when it last got new tokens. `user_agent`, `address_network`: of the request that logged in, an
    IPv4 address or the /64 network of an IPv6 address; null when they are unknown. `is_current`: it issued the token of
    this request."""

    id: str
    created_at: datetime
    last_used_at: datetime
    user_agent: str | None
    address_network: str | None
    is_current: bool


@router.get("")
async def list_logins(context: Ctx, caller: Reader, page: Paging) -> Page[Login]:
    """Those of the caller that have not ended, newest first. 409 `no_login` for API keys."""
    _require_user(caller)
    found = await context.logins.open_page(caller.organization_id, caller.subject, page)
    return Page(data=[_login(record, caller) for record in found.records], next_cursor=found.next_cursor)


@router.post("/end-others")
async def end_other_logins(context: Ctx, caller: Reader, request: Request) -> Ok:
    """End all logins of the caller except that of this request, and revoke their tokens."""
    _require_user(caller)
    ended = await context.logins.end_all_of(caller.organization_id, caller.subject, caller.session_id)
    await context.revocations.publish_login_ended(ended if ended.ids else None)
    await context.audit.record(_audit_event(request, caller, "end_other_logins"))
    return Ok()


@router.delete("/{login_id}")
async def end_login(context: Ctx, caller: Reader, request: Request, login_id: str) -> Ok:
    """End a login of the caller and revoke its tokens, as a logout there would."""
    _require_user(caller)
    await _end(context, caller, login_id)
    await context.audit.record(_audit_event(request, caller, "end_login", login_id=login_id))
    return Ok()


async def _end(context: ApiContext, caller: Principal, login_id: str) -> None:
    ended = await context.logins.end(login_id, caller.subject)
    if ended is None:
        raise Problem(404, "login_not_found", "you have no such login; list yours at /api/auth/logins")
    await context.revocations.publish_login_ended(ended)


def _require_user(caller: Principal) -> None:
    if caller.subject.startswith(API_KEY_SUBJECT_PREFIX):
        raise Problem(409, "no_login", "this token belongs to no user; an API key has no logins")


def _login(record: LoginRecord, caller: Principal) -> Login:
    return Login(
        id=record.id,
        created_at=record.created_at,
        last_used_at=record.last_used_at,
        user_agent=record.user_agent,
        address_network=record.address_network,
        is_current=record.id == caller.session_id,
    )


def _audit_event(request: Request, caller: Principal, action: str, **target: str) -> AuditEvent:
    return AuditEvent(
        caller.organization_id, caller.subject, action, client_address(request), request_id_of(request), target
    )
