"""Logins: each has one refresh token at a time, replaced whenever it is used; an old one shown again ends the login."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from services.api.store.token_hash import token_hash
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import Collection, Document, IndexModel

_PREFIX = "sbr_"
MAX_FORMER_TOKENS = 100
"""Hashes of used refresh tokens a login keeps, the newest ones; older tokens are unknown."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoginLifetime:
    """A login ends when it was not refreshed for `idle`, and after `longest` whatever happens."""

    idle: timedelta
    max_age: timedelta


@dataclass(frozen=True)
class LoginWithToken:
    """`refresh_token` is readable here only; it works once, until `expires_at`."""

    id: str
    user_id: str
    refresh_token: str
    expires_at: datetime


def _id_of(token: str) -> str:
    return token.removeprefix(_PREFIX).partition(".")[0]


class Logins:
    """Collection `logins`: a document for all refresh tokens that follow from one login.

    `hash`: SHA-256 of the newest one. `former`: of those before, so that only a token that was really issued can show
    that it was used twice; the id of a login with a made-up secret does nothing.
    """

    INDEXES: ClassVar = {"logins": [IndexModel("expires_at", expireAfterSeconds=0), IndexModel("user_id")]}

    def __init__(self, collection: Collection) -> None:
        self._logins = collection

    async def start(self, user: Document, lifetime: LoginLifetime) -> LoginWithToken:
        """A new login of this user."""
        now, login_id = utc_now(), new_id()
        ends_at = now + lifetime.max_age
        token, expires_at = _new_token(login_id), min(ends_at, now + lifetime.idle)
        await self._logins.insert_one(
            {
                "_id": login_id,
                "user_id": user["_id"],
                "organization_id": user["organization_id"],
                "hash": token_hash(token),
                "former": [],
                "created_at": now,
                "ends_at": ends_at,
                "expires_at": expires_at,
                "revoked_at": None,
            }
        )
        return LoginWithToken(login_id, user["_id"], token, expires_at)

    async def refresh(self, token: str, lifetime: LoginLifetime) -> LoginWithToken:
        """The same login with a new token. Raises Problem 401 `refresh_token_invalid` or `refresh_token_reused`."""
        now, login_id = utc_now(), _id_of(token)
        new = _new_token(login_id)
        valid = {"_id": login_id, "hash": token_hash(token), "revoked_at": None, "expires_at": {"$gt": now}}
        expires_at = {"$min": ["$ends_at", now + lifetime.idle]}
        former = {"$concatArrays": [{"$ifNull": ["$former", []]}, ["$hash"]]}
        change = [
            {
                "$set": {
                    "hash": token_hash(new),
                    "expires_at": expires_at,
                    "former": {"$slice": [former, -MAX_FORMER_TOKENS]},
                }
            }
        ]
        found = await self._logins.find_one_and_update(valid, change, return_document=True)
        if found is None:
            raise await self._refusal(token, now)
        return LoginWithToken(login_id, found["user_id"], new, found["expires_at"])

    async def end(self, login_id: str) -> Document | None:
        """Neither its refresh token nor its access tokens open anything from now on; again is fine. The login."""
        ended = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", utc_now()]}, PENDING_REVOCATION_FIELD: new_id()}}]
        return await self._logins.find_one_and_update({"_id": login_id}, ended, return_document=True)

    async def end_by_token(self, token: str) -> Document | None:
        """The same for who holds its refresh token, the newest one or a former one. None for any other."""
        issued = {"$or": [{"hash": token_hash(token)}, {"former": token_hash(token)}]}
        if await self._logins.find_one({"_id": _id_of(token), **issued}, {"_id": 1}) is None:
            return None
        return await self.end(_id_of(token))

    async def end_all_of(self, user_id: str, but: str | None = None, session: Any = None) -> PendingRevocation:
        """All logins of the user but this one; those that were open."""
        change = new_id()
        going_on = {"user_id": user_id, "revoked_at": None, "_id": {"$ne": but}}
        ended = {"$set": {"revoked_at": utc_now(), PENDING_REVOCATION_FIELD: change}}
        await self._logins.update_many(going_on, ended, session=session)
        marked = {"user_id": user_id, PENDING_REVOCATION_FIELD: change}
        found = await self._logins.find(marked, {"_id": 1}, session=session).to_list(None)
        return PendingRevocation("logins", tuple(login["_id"] for login in found), change)

    async def require_open(self, login_id: str, user_id: str) -> None:
        """Raises Problem 401 `login_ended`, also for a login of another user."""
        open_ones = {"_id": login_id, "user_id": user_id, "revoked_at": None}
        if await self._logins.find_one(open_ones, {"_id": 1}) is None:
            raise Problem(401, "login_ended", "this login was ended; log in again")

    async def _refusal(self, token: str, now: datetime) -> Problem:
        """A former token of a login that goes on: a thief used it, or is using it; nobody can tell which of the two."""
        login_id = _id_of(token)
        going_on = {"_id": login_id, "former": token_hash(token), "revoked_at": None, "expires_at": {"$gt": now}}
        ended = {"$set": {"revoked_at": now, PENDING_REVOCATION_FIELD: new_id()}}
        if await self._logins.find_one_and_update(going_on, ended) is None:
            detail = "refresh_token: unknown, expired or logged out; log in again"
            return Problem(401, "refresh_token_invalid", detail)
        log.warning("a used refresh token was shown again; login %s is ended", login_id)
        detail = "refresh_token: was used before, so somebody else may have it; the login is ended, log in again"
        return Problem(401, "refresh_token_reused", detail)


def _new_token(login_id: str) -> str:
    return f"{_PREFIX}{login_id}.{secrets.token_urlsafe(32)}"
