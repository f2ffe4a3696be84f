"""The authenticated caller (principal), and the access tokens of users (JWT, EdDSA)."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import jwt
from pydantic import BaseModel, ConfigDict

from shared.contracts.errors import Problem
from shared.contracts.message import utc_now
from shared.platform.token_keys import SigningKey, VerificationKeys

API_KEY_PREFIX = "sbk_"
API_KEY_SUBJECT_PREFIX = "key:"
"""Before the id of an API key, as the subject of a principal."""
MAX_TOKEN_LENGTH = 4_096
"""Characters; our tokens have about 500."""
_ISSUER = "switchboard"
_ALGORITHM = "EdDSA"
"""The only accepted one, whatever the header of a token contains."""

Scope = Literal["read", "send", "manage"]
Role = Literal["owner", "admin", "agent", "viewer"]
_ALL_SCOPES: frozenset[Scope] = frozenset({"read", "send", "manage"})
ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = MappingProxyType(
    {"owner": _ALL_SCOPES, "admin": _ALL_SCOPES, "agent": frozenset({"read", "send"}), "viewer": frozenset({"read"})}
)
"""The scopes of each role. Only owners may change owners."""


class Principal(BaseModel):
    """A request acts on `organization_id` of its principal, never on one that the client sends."""

    model_config = ConfigDict(frozen=True)
    organization_id: str
    subject: str
    """User id, or `key:<id>`."""
    scopes: frozenset[Scope] = _ALL_SCOPES
    expires_at: float | None = None
    """Epoch seconds."""
    role: Role | None = None
    """Of a user; None for API keys and other services."""
    instance_ids: frozenset[str] | None = None
    """The instances an API key is restricted to; None: all of the organization."""
    session_id: str | None = None
    """Id of the login that issued an access token."""

    def with_role(self, role: Role) -> "Principal":
        """The same user with this role and its scopes."""
        return self.model_copy(update={"role": role, "scopes": ROLE_SCOPES[role]})


def issue_token(principal: Principal, key: SigningKey, ttl: timedelta) -> str:
    """A signed access token for this principal."""
    now = utc_now()
    claims = {"iss": _ISSUER, "sub": principal.subject, "org": principal.organization_id, "iat": now, "exp": now + ttl}
    about = {"scopes": sorted(principal.scopes), "role": principal.role, "sid": principal.session_id}
    return jwt.encode(claims | about, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})


def read_token(token: str, keys: VerificationKeys) -> Principal:
    """Raises Problem 401 `token_expired` or `token_invalid`."""
    try:
        if len(token) > MAX_TOKEN_LENGTH:
            raise ValueError("too long for an access token")
        key = keys.by_kid[str(jwt.get_unverified_header(token)["kid"])]
        claims = jwt.decode(
            token, key, algorithms=[_ALGORITHM], issuer=_ISSUER, options={"require": ["iss", "sub", "iat", "exp"]}
        )
        return Principal(
            organization_id=claims["org"],
            subject=claims["sub"],
            scopes=claims["scopes"],
            expires_at=claims["exp"],
            role=claims.get("role"),
            session_id=claims.get("sid"),
        )
    except jwt.ExpiredSignatureError as error:
        raise Problem(401, "token_expired", "the access token has expired; log in again") from error
    except (jwt.PyJWTError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise Problem(401, "token_invalid", "the access token is not valid; log in at /api/auth/login") from error
