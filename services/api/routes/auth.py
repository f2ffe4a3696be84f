"""Register, accept an invitation, log in, stay logged in, log out."""

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.api.answers import Done, Secret
from services.api.context import Anyone, Context, Ctx
from services.api.fields import Body, Email, Name
from services.api.problems import request_id_of
from services.api.store.audit import Deed
from services.api.store.logins import Login
from services.api.store.members import role_of
from services.api.store.users import NewUser
from shared.auth import Principal, Role, issue_token
from shared.errors import Problem
from shared.message import utc_now
from shared.mongo import Document

router = APIRouter(prefix="/api/auth", tags=["auth"])

MIN_PASSWORD, MAX_PASSWORD = 10, 128


class Credentials(Body):
    email: Email
    password: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD)]


class Registration(Body):
    """A new user with a new organization."""

    email: Email
    password: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
    name: Name | None = None
    organization_name: Name | None = None


class Acceptance(Body):
    """`token`: of the invitation."""

    token: Annotated[str, Field(min_length=1, max_length=128)]
    password: Annotated[str, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
    name: Name | None = None


class Refresh(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class User(BaseModel):
    id: str
    email: str
    name: str
    role: Role


class LoggedIn(Done):
    """`token` goes into `Authorization: Bearer …` until `expires_at`; `refresh_token` gets the next one, once."""

    token: Secret
    token_type: str = "Bearer"
    expires_at: datetime
    refresh_token: Secret
    refresh_expires_at: datetime
    organization_id: str
    user: User


@router.post("/register", status_code=201)
async def register(context: Ctx, request: Request, body: Registration) -> LoggedIn:
    """Make a user and an organization, and log in."""
    policy = context.settings.registration_policy
    if policy == "closed":
        raise Problem(403, "registration_closed", "registration is closed; ask who runs this server")
    new = NewUser(
        email=body.email,
        password_hash=await context.passwords.hash(body.password),
        name=body.name or body.email.partition("@")[0],
        organization_name=body.organization_name or "My organization",
        only_first=policy == "first",
    )
    return await _new_login(context, request, await context.users.register(new))


@router.post("/accept-invitation", status_code=201)
async def accept_invitation(context: Ctx, request: Request, body: Acceptance) -> LoggedIn:
    """Become a user of the organization that invited, and log in. An invitation works once."""
    await context.invitations.require_open(body.token)
    hashed = await context.passwords.hash(body.password)
    return await _new_login(context, request, await context.invitations.accept(body.token, hashed, body.name))


@router.post("/login")
async def login(context: Ctx, request: Request, body: Credentials) -> LoggedIn:
    """A token for e-mail and password. A refusal does not say which of the two was wrong."""
    bound = (request.client.host if request.client else "", body.email)
    context.login_bound.attempt(bound, time.monotonic())
    user = await context.users.by_email(body.email)
    if not await context.passwords.matches(body.password, user["password_hash"] if user else None) or user is None:
        if user:
            await _note(context, request, user, "login_failed")
        raise Problem(401, "login_failed", "the e-mail address or the password is wrong")
    context.login_bound.succeeded(bound)
    return await _new_login(context, request, user)


@router.post("/refresh")
async def refresh(context: Ctx, body: Refresh) -> LoggedIn:
    """New tokens for the login. A refresh token works once: shown again, it ends the whole login."""
    try:
        login = await context.logins.refresh(body.refresh_token, context.settings.login_lifetime)
    except Problem as problem:
        if problem.code == "refresh_token_reused":
            await context.endings.logged_out(await context.logins.end_by_token(body.refresh_token))
        raise
    user = await context.users.by_id(login.user_id)
    if user is None:
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    return _logged_in(context, user, login)


@router.post("/logout")
async def logout(context: Ctx, caller: Anyone, body: Refresh | None = None) -> Done:
    """End the login that the refresh token or the access token belongs to: both open nothing from now on."""
    if body is not None:
        await context.endings.logged_out(await context.logins.end_by_token(body.refresh_token))
    elif isinstance(caller, Problem):
        raise caller
    elif caller is None:
        raise Problem(401, "authentication_required", "send the refresh_token, or the access token of the login")
    elif caller.session_id:
        await context.endings.logged_out(await context.logins.end(caller.session_id))
    else:
        raise Problem(409, "no_login", "this token belongs to no login; an API key is revoked at /api/api-keys")
    return Done()


async def _note(context: Context, request: Request, user: Document, action: str) -> None:
    address = request.client.host if request.client else ""
    deed = Deed(user["organization_id"], user["_id"], action, address, request_id_of(request))
    await context.audit.record(deed)


async def _new_login(context: Context, request: Request, user: Document) -> LoggedIn:
    await _note(context, request, user, request.scope["endpoint"].__name__)
    return _logged_in(context, user, await context.logins.start(user, context.settings.login_lifetime))


def _logged_in(context: Context, user: Document, login: Login) -> LoggedIn:
    settings, role = context.settings, role_of(user)
    principal = Principal(organization_id=user["organization_id"], subject=user["_id"], session_id=login.id)
    return LoggedIn(
        token=issue_token(principal.has_role(role), settings.token_secret, settings.token_ttl),
        expires_at=utc_now() + settings.token_ttl,
        refresh_token=login.refresh_token,
        refresh_expires_at=login.expires_at,
        organization_id=principal.organization_id,
        user=User(id=user["_id"], email=user["email"], name=user["name"], role=role),
    )
