"""Register and log in."""

import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.api.answers import Done
from services.api.context import Context, Ctx
from services.api.fields import Body, Email, Name
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


class User(BaseModel):
    id: str
    email: str
    name: str
    role: Role


class LoggedIn(Done):
    """`token` goes into `Authorization: Bearer …` until `expires_at`."""

    token: str
    token_type: str = "Bearer"
    expires_at: datetime
    organization_id: str
    user: User


@router.post("/register", status_code=201)
async def register(context: Ctx, body: Registration) -> LoggedIn:
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
    return _logged_in(context, await context.users.register(new))


@router.post("/accept-invitation", status_code=201)
async def accept_invitation(context: Ctx, body: Acceptance) -> LoggedIn:
    """Become a user of the organization that invited, and log in. An invitation works once."""
    await context.invitations.require_open(body.token)
    hashed = await context.passwords.hash(body.password)
    return _logged_in(context, await context.invitations.accept(body.token, hashed, body.name))


@router.post("/login")
async def login(context: Ctx, request: Request, body: Credentials) -> LoggedIn:
    """A token for e-mail and password. A refusal does not say which of the two was wrong."""
    bound = (request.client.host if request.client else "", body.email)
    context.login_bound.attempt(bound, time.monotonic())
    user = await context.users.by_email(body.email)
    if not await context.passwords.matches(body.password, user["password_hash"] if user else None) or user is None:
        raise Problem(401, "login_failed", "the e-mail address or the password is wrong")
    context.login_bound.succeeded(bound)
    return _logged_in(context, user)


def _logged_in(context: Context, user: Document) -> LoggedIn:
    settings = context.settings
    principal = Principal(organization_id=user["organization_id"], subject=user["_id"]).has_role(role_of(user))
    return LoggedIn(
        token=issue_token(principal, settings.token_secret, settings.token_ttl),
        expires_at=utc_now() + settings.token_ttl,
        organization_id=principal.organization_id,
        user=User(id=user["_id"], email=user["email"], name=user["name"], role=role_of(user)),
    )
