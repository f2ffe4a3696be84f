"""The access tokens of users (JWT, EdDSA). Only the api and realtime load this module, and with it cryptography."""

from datetime import timedelta

import jwt

from shared.contracts.errors import Problem
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.platform.token_keys import SigningKey, VerificationKeys

MAX_TOKEN_LENGTH = 4_096
"""Characters; our tokens have about 500."""
_ISSUER = "switchboard"
_ALGORITHM = "EdDSA"
"""The only accepted one, whatever the header of a token contains."""


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
