"""Who is calling: access tokens (JWT, HS256) for people; the principal that routes and rooms are keyed by."""

from datetime import timedelta
from typing import Literal

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import Problem
from shared.message import utc_now

API_KEY_PREFIX = "sbk_"
_ISSUER = "switchboard"

Scope = Literal["read", "send", "manage"]


class Principal(BaseModel):
    """The organization comes from here and never from what a client sends."""

    model_config = ConfigDict(frozen=True)
    organization_id: str
    subject: str
    """User id, or `key:<id>`."""
    scopes: frozenset[Scope] = frozenset({"read", "send", "manage"})
    expires_at: float | None = None
    """Epoch seconds."""


def issue_token(principal: Principal, secret: str, ttl: timedelta) -> str:
    """A signed access token for this principal."""
    now = utc_now()
    claims = {"iss": _ISSUER, "sub": principal.subject, "org": principal.organization_id, "iat": now, "exp": now + ttl}
    return jwt.encode(claims | {"scopes": sorted(principal.scopes)}, secret, algorithm="HS256")


def read_token(token: str, secret: str) -> Principal:
    """Raises Problem 401 `token_expired` or `token_invalid`."""
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], issuer=_ISSUER, options={"require": ["exp", "sub"]})
        return Principal(
            organization_id=claims["org"], subject=claims["sub"], scopes=claims["scopes"], expires_at=claims["exp"]
        )
    except jwt.ExpiredSignatureError as error:
        raise Problem(401, "token_expired", "the access token has expired; log in again") from error
    except (jwt.InvalidTokenError, KeyError, ValidationError) as error:
        raise Problem(401, "token_invalid", "the access token is not valid; log in at /api/auth/login") from error
