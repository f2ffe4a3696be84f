"""Logins with rotating refresh tokens: each use replaces the token, and the reuse of an old one ends the login."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation, pending_revocation
from services.api.store.token_hash import token_hash
from services.api.store.user_records import UserRecord
from services.api.views.pagination import PageRequest, RecordPage, SortedCollection, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import ClientSession, Collection, Document, IndexModel, MongoQuery
from shared.text.bounded_text import bounded_line

_REFRESH_TOKEN_PREFIX = "sbr_"
MAX_FORMER_TOKENS = 100
"""Hashes of used refresh tokens that are kept per login, the newest ones; older tokens are unknown."""

MAX_USER_AGENT = 256
"""Characters of the header User-Agent that are kept."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoginLifetime:
    """A login ends when it was not refreshed for `idle`, and at the latest after `max_age`."""

    idle: timedelta
    max_age: timedelta


@dataclass(frozen=True)
class LoginClient:
    """What logged in. `network`: an IPv4 address or the /64 network of an IPv6 address. Empty: unknown."""

    user_agent: str
    network: str


@dataclass(frozen=True)
class LoginRecord:
    """`last_used_at`: when it last got new tokens. `user_agent` and `address_network` are None when they are unknown,
    as in documents of earlier versions."""

    id: str
    created_at: datetime
    last_used_at: datetime
    user_agent: str | None
    address_network: str | None


@dataclass(frozen=True)
class LoginWithToken:
    """`refresh_token` cannot be read again; it works once, until `expires_at`."""

    id: str
    user_id: str
    refresh_token: str
    expires_at: datetime


def _id_of(token: str) -> str:
    return token.removeprefix(_REFRESH_TOKEN_PREFIX).partition(".")[0]


class Logins:
    """Collection `logins`: one document for all refresh tokens of a login.

    `hash`: of the current token. `former`: of the ones before, so that only a token that was really issued counts as
    reused; the id of a login with an invented secret has no effect.
    """

    INDEXES: ClassVar = {
        "logins": [
            IndexModel("expires_at", expireAfterSeconds=0),
            IndexModel([("user_id", 1), ("created_at", -1), ("_id", -1)]),
        ]
    }
    RETIRED: ClassVar = {"logins": ["user_id_1"]}

    def __init__(self, collection: Collection) -> None:
        self._logins = collection

    async def start(self, user: UserRecord, lifetime: LoginLifetime, client: LoginClient) -> LoginWithToken:
        """Create a login of this user. `client`: by which the user recognizes it later."""
        now, login_id = utc_now(), new_id()
        ends_at = now + lifetime.max_age
        token, expires_at = _new_token(login_id), min(ends_at, now + lifetime.idle)
        await self._logins.insert_one(
            {
                "_id": login_id,
                "user_id": user.id,
                "organization_id": user.organization_id,
                "hash": token_hash(token),
                "former": [],
                "created_at": now,
                "last_used_at": now,
                "user_agent": bounded_line(client.user_agent, MAX_USER_AGENT),
                "network": client.network,
                "ends_at": ends_at,
                "expires_at": expires_at,
                "revoked_at": None,
            }
        )
        return LoginWithToken(login_id, user.id, token, expires_at)

    async def refresh(self, token: str, lifetime: LoginLifetime) -> LoginWithToken:
        """Replace the token. Raises Problem 401 `refresh_token_invalid` or `refresh_token_reused`."""
        now, login_id = utc_now(), _id_of(token)
        new = _new_token(login_id)
        valid = {"_id": login_id, "hash": token_hash(token), "revoked_at": None, "expires_at": {"$gt": now}}
        expires_at = {"$min": ["$ends_at", now + lifetime.idle]}
        former = {"$concatArrays": [{"$ifNull": ["$former", []]}, ["$hash"]]}
        update = [
            {
                "$set": {
                    "hash": token_hash(new),
                    "expires_at": expires_at,
                    "last_used_at": now,
                    "former": {"$slice": [former, -MAX_FORMER_TOKENS]},
                }
            }
        ]
        login = await self._logins.find_one_and_update(valid, update, return_document=True)
        if login is None:
            raise await self._refusal(token, now)
        return LoginWithToken(login_id, login["user_id"], new, login["expires_at"])

    async def open_page(self, organization_id: str, user_id: str, page: PageRequest) -> RecordPage[LoginRecord]:
        """Logins of the user that have not ended, newest first."""
        query: MongoQuery = {
            **organization_query(organization_id),
            "user_id": user_id,
            "revoked_at": None,
            "expires_at": {"$gt": utc_now()},
        }
        return await read_page(SortedCollection(self._logins, "created_at", _record), query, page)

    async def end(self, login_id: str, user_id: str | None = None) -> PendingRevocation | None:
        """Revoke its refresh token and access tokens; may be repeated. None when there is no such login, or it is not
        one of `user_id`."""
        query = {"_id": login_id} if user_id is None else {"_id": login_id, "user_id": user_id}
        change = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", utc_now()]}, PENDING_REVOCATION_FIELD: new_id()}}]
        login = await self._logins.find_one_and_update(query, change, return_document=True)
        return pending_revocation("logins", login) if login else None

    async def end_by_token(self, token: str) -> PendingRevocation | None:
        """The same by its current or a former refresh token. None for any other token."""
        issued = {"$or": [{"hash": token_hash(token)}, {"former": token_hash(token)}]}
        if await self._logins.find_one({"_id": _id_of(token), **issued}, {"_id": 1}) is None:
            return None
        return await self.end(_id_of(token))

    async def end_all_of(
        self, organization_id: str, user_id: str, but: str | None = None, session: ClientSession | None = None
    ) -> PendingRevocation:
        """End all logins of the user except `but`. Returns those that were open."""
        change_id = new_id()
        open_logins = {"user_id": user_id, "revoked_at": None, "_id": {"$ne": but}}
        change = {"$set": {"revoked_at": utc_now(), PENDING_REVOCATION_FIELD: change_id}}
        await self._logins.update_many(open_logins, change, session=session)
        ended = {"user_id": user_id, PENDING_REVOCATION_FIELD: change_id}
        logins = await self._logins.find(ended, {"_id": 1}, session=session).to_list(None)
        return PendingRevocation("logins", organization_id, tuple(login["_id"] for login in logins), change_id)

    async def require_open(self, login_id: str, user_id: str) -> None:
        """Raises Problem 401 `login_ended`, also for a login of another user."""
        open_login = {"_id": login_id, "user_id": user_id, "revoked_at": None}
        if await self._logins.find_one(open_login, {"_id": 1}) is None:
            raise Problem(401, "login_ended", "this login was ended; log in again")

    async def _refusal(self, token: str, now: datetime) -> Problem:
        """A former token of an open login is used by a thief or was used by one; nobody can tell, so the login is
        ended."""
        login_id = _id_of(token)
        open_login = {"_id": login_id, "former": token_hash(token), "revoked_at": None, "expires_at": {"$gt": now}}
        change = {"$set": {"revoked_at": now, PENDING_REVOCATION_FIELD: new_id()}}
        if await self._logins.find_one_and_update(open_login, change) is None:
            detail = "refresh_token: unknown, expired or logged out; log in again"
            return Problem(401, "refresh_token_invalid", detail)
        log.warning("a refresh token was used twice; login %s is ended", login_id)
        detail = "refresh_token: was used before, so somebody else may have it; the login is ended, log in again"
        return Problem(401, "refresh_token_reused", detail)


def _record(document: Document) -> LoginRecord:
    return LoginRecord(
        id=document["_id"],
        created_at=document["created_at"],
        last_used_at=document.get("last_used_at") or document["created_at"],
        user_agent=document.get("user_agent") or None,
        address_network=document.get("network") or None,
    )


def _new_token(login_id: str) -> str:
    return f"{_REFRESH_TOKEN_PREFIX}{login_id}.{secrets.token_urlsafe(32)}"
