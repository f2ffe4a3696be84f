"""Register, accept an invitation, log in, stay logged in, log out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.api.access.guessed_tokens import counted_guesses
from services.api.access.hash_queue import HashClient
from services.api.access.password_check import check_password, client_address, remember_device
from services.api.context import ApiContext, Ctx, OptionalCaller
from services.api.problems import request_id_of
from services.api.request_fields import Email, Name, RequestBody
from services.api.responses import Ok, Secret
from services.api.store.audit_log import AuditEvent
from services.api.store.logins import LoginClient, LoginWithToken
from services.api.store.user_records import UserRecord
from services.api.store.users import NewUser
from shared.contracts.access_tokens import issue_token
from shared.contracts.errors import Problem
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal, Role
from shared.web.client_addresses import network_of

router = APIRouter(prefix="/api/auth", tags=["auth"])

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 128


class Credentials(RequestBody):
    """`organization_id`: for users of several organizations with the same password; default: the oldest one."""

    email: Email
    password: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
    organization_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Registration(RequestBody):
    """Registers a user with a new organization."""

    email: Email
    password: Annotated[str, Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]
    name: Name | None = None
    organization_name: Name | None = None


class AcceptInvitationBody(RequestBody):
    """`token`: of the invitation."""

    token: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]
    name: Name | None = None


class RefreshTokenBody(RequestBody):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class LoginUser(BaseModel):
    id: str
    email: str
    name: str
    role: Role


class LoginResult(Ok):
    """`token`: for `Authorization: Bearer …`, until `expires_at`. `refresh_token`: gets the next token, once."""

    token: Secret
    token_type: str = "Bearer"
    expires_at: datetime
    refresh_token: Secret
    refresh_expires_at: datetime
    organization_id: str
    user: LoginUser


@router.post("/register", status_code=201)
async def register(context: Ctx, request: Request, response: Response, body: Registration) -> LoginResult:
    """Create a user and an organization, and log in."""
    only_first = context.settings.registration_policy == "first"
    if context.settings.registration_policy == "closed":
        raise Problem(403, "registration_closed", "registration is closed; ask who runs this server")
    await context.users.require_available_email(body.email, only_first)
    new = NewUser(
        email=body.email,
        password_hash=await context.passwords.hash(body.password, unknown_client(request)),
        name=body.name or body.email.partition("@")[0],
        organization_name=body.organization_name or "My organization",
        only_first=only_first,
    )
    user = await context.users.register(new)
    return await new_login(context, request, response, user)


@router.post("/accept-invitation", status_code=201)
async def accept_invitation(
    context: Ctx, request: Request, response: Response, body: AcceptInvitationBody
) -> LoginResult:
    """Become a user of the inviting organization, and log in. An invitation works once."""
    async with counted_guesses(context, request):
        invitation = await context.invitations.get_open(body.token)
    other_users = await context.users.all_by_email(invitation.email)
    hashes = [user.password_hash for user in other_users]
    password_hash = await context.passwords.hash(body.password, unknown_client(request), hashes)
    user = await context.invitations.accept(body.token, password_hash, body.name)
    return await new_login(context, request, response, user)


@router.post("/login")
async def login(context: Ctx, request: Request, response: Response, body: Credentials) -> LoginResult:
    """Log in by e-mail address and password. A refusal does not say which of the two was wrong.

    After some failures the next attempt has to wait, longer each time. A device that logged in before, recognized by a
    cookie, does not wait because of failures of others.
    """
    users = await context.users.all_by_email(body.email, body.organization_id)
    check = await check_password(context, request, body.email, users, body.password)
    selected = [user for user in check.matching_users if body.organization_id in (None, user.organization_id)]
    if not selected:
        context.audit_queue.put([_audit_event(request, user, "login_failed") for user in users])
        raise check.refusal_of_others or Problem(401, "login_failed", "the e-mail address or the password is wrong")
    return await new_login(context, request, response, selected[0])


@router.post("/refresh")
async def refresh(context: Ctx, body: RefreshTokenBody) -> LoginResult:
    """Get new tokens for a login. A refresh token works once: its reuse ends the login."""
    try:
        login = await context.logins.refresh(body.refresh_token, context.settings.login_lifetime)
    except Problem as problem:
        if problem.code == "refresh_token_reused":
            await context.revocations.publish_login_ended(await context.logins.end_by_token(body.refresh_token))
        raise
    user = await context.users.by_id(login.user_id)
    if user is None:
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    return _login_result(context, user, login)


@router.post("/logout")
async def logout(context: Ctx, caller: OptionalCaller, body: RefreshTokenBody | None = None) -> Ok:
    """End the login of the refresh token or the access token, and revoke both tokens."""
    if body is not None:
        await context.revocations.publish_login_ended(await context.logins.end_by_token(body.refresh_token))
    elif isinstance(caller, Problem):
        raise caller
    elif caller is None:
        raise Problem(401, "authentication_required", "send the refresh_token, or the access token of the login")
    elif caller.session_id:
        await context.revocations.publish_login_ended(await context.logins.end(caller.session_id))
    else:
        raise Problem(409, "no_login", "this token belongs to no login; an API key is revoked at /api/api-keys")
    return Ok()


def unknown_client(request: Request) -> HashClient:
    return HashClient(network_of(client_address(request)))


def _login_client(request: Request) -> LoginClient:
    address = client_address(request)
    return LoginClient(request.headers.get("user-agent", ""), network_of(address) if address else "")


def _audit_event(request: Request, user: UserRecord, action: str) -> AuditEvent:
    return AuditEvent(user.organization_id, user.id, action, client_address(request), request_id_of(request))


async def new_login(
    context: ApiContext, request: Request, response: Response, user: UserRecord, action: str | None = None
) -> LoginResult:
    """`action`: for the audit log; None: the name of the route's function."""
    await context.audit.record(_audit_event(request, user, action or request.scope["endpoint"].__name__))
    await remember_device(context, request, response, user.id)
    login = await context.logins.start(user, context.settings.login_lifetime, _login_client(request))
    if not await context.users.record_login(user):
        await context.revocations.publish_login_ended(await context.logins.end(login.id))
        raise Problem(409, "password_changed_meanwhile", "the password was changed just now; log in with the new one")
    return _login_result(context, user, login)


def _login_result(context: ApiContext, user: UserRecord, login: LoginWithToken) -> LoginResult:
    settings, role = context.settings, user.role
    principal = Principal(organization_id=user.organization_id, subject=user.id, session_id=login.id)
    return LoginResult(
        token=issue_token(principal.with_role(role), settings.signing_key, settings.token_ttl),
        expires_at=utc_now() + settings.token_ttl,
        refresh_token=login.refresh_token,
        refresh_expires_at=login.expires_at,
        organization_id=principal.organization_id,
        user=LoginUser(id=user.id, email=user.email, name=user.name, role=role),
    )
