"""Links with which a user who forgot the password sets a new one: a one-time token, stored as a hash. A used, replaced
or expired one is kept for some days, so that its holder is told what became of it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from services.api.store.api_keys import ApiKeys
from services.api.store.token_hash import token_hash
from services.api.store.user_records import UserRecord, user_record
from services.api.store.users import Users
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, ROLE_SCOPES
from shared.platform.mongo import ClientSession, Database, Document, IndexModel, MongoQuery, in_transaction

_PASSWORD_RESET_PREFIX = "sbp_"
PASSWORD_RESET_KEPT = timedelta(days=14)
"""How long a link is kept after its expiry."""


@dataclass(frozen=True, slots=True)
class PasswordResetRecord:
    """A valid link, and its user as the link was read. `created_by`: the subject of who made it."""

    id: str
    user: UserRecord
    created_by: str
    expires_at: datetime


def _invalid() -> Problem:
    return Problem(404, "password_reset_invalid", "token: no such link; check it, or ask for a new one")


def _withdrawn() -> Problem:
    return Problem(410, "password_reset_withdrawn", "this link was withdrawn; ask for a new one")


def _refusal(document: Document | None) -> Problem | None:
    if document is None:
        return _invalid()
    if document.get("used_at"):
        return Problem(409, "password_reset_used", "this link was used already; log in with the new password")
    if document.get("replaced_at"):
        return Problem(410, "password_reset_replaced", "there is a newer link for this user; use that one")
    if document["expires_at"] <= utc_now():
        return Problem(410, "password_reset_expired", "this link has expired; ask for a new one")
    return None


class PasswordResets:
    """Collection `password_resets`. MongoDB deletes documents PASSWORD_RESET_KEPT after their expiry."""

    INDEXES: ClassVar = {
        "password_resets": [
            IndexModel("hash", unique=True),
            IndexModel("user_id"),
            IndexModel("kept_until", expireAfterSeconds=0),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user: UserRecord, created_by: str, ttl: timedelta) -> tuple[str, datetime]:
        """The token and its expiry; earlier links of this user end. Raises Problem 404 `user_not_found`."""
        token, now = _PASSWORD_RESET_PREFIX + secrets.token_urlsafe(32), utc_now()
        document: Document = {
            "_id": new_id(),
            "user_id": user.id,
            "organization_id": user.organization_id,
            "password_version": user.password_version,
            "hash": token_hash(token),
            "created_by": created_by,
            "created_at": now,
            "expires_at": now + ttl,
            "kept_until": now + ttl + PASSWORD_RESET_KEPT,
        }

        async def write(session: ClientSession) -> None:
            # writing to the user serializes links that are made at the same time: the later one ends the earlier
            user_exists = {"_id": user.id, "removed_at": None}
            change = {"$inc": {"password_resets": 1}}
            if not (await self._database.users.update_one(user_exists, change, session=session)).matched_count:
                raise Problem(404, "user_not_found", "there is no such user; list yours at /api/users")
            pending = {"user_id": user.id, "used_at": None, "replaced_at": None}
            replaced = {"$set": {"replaced_at": now}}
            await self._database.password_resets.update_many(pending, replaced, session=session)
            await self._database.password_resets.insert_one(dict(document), session=session)

        await in_transaction(self._database, write)
        return token, now + ttl

    async def get_open(self, token: str) -> PasswordResetRecord:
        """Changes nothing. Raises Problem 404 `password_reset_invalid`, 409 `password_reset_used`, 410
        `password_reset_replaced`, `password_reset_expired` or `password_reset_withdrawn`."""
        document = await self._database.password_resets.find_one({"hash": token_hash(token)})
        if problem := _refusal(document):
            raise problem
        reset = document or {}
        found = await self._database.users.find_one({"_id": reset["user_id"], "removed_at": None})
        user = user_record(found) if found else None
        if user is None or not await self._may_reset(reset["created_by"], user):
            raise _withdrawn()
        if user.password_version != reset["password_version"]:
            raise Problem(
                410, "password_reset_replaced", "the password was changed since this link was made; log in with it"
            )
        return PasswordResetRecord(reset["_id"], user, reset["created_by"], reset["expires_at"])

    async def use(self, reset: PasswordResetRecord, session: ClientSession) -> None:
        """End the link. Raises as `get_open` when it ended in the meantime."""
        query: MongoQuery = {
            "_id": reset.id,
            "used_at": None,
            "replaced_at": None,
            "expires_at": {"$gt": utc_now()},
        }
        change = {"$set": {"used_at": utc_now()}}
        if not (await self._database.password_resets.update_one(query, change, session=session)).matched_count:
            ended = await self._database.password_resets.find_one({"_id": reset.id}, session=session)
            raise _refusal(ended) or _invalid()

    async def _may_reset(self, maker: str, user: UserRecord) -> bool:
        """Whether who made the link might still make it. Makers that are neither user nor API key (the user's own
        request by e-mail, a NATS request) set no limits."""
        if maker.startswith(API_KEY_SUBJECT_PREFIX):
            keys = ApiKeys(self._database.api_keys)
            key = await keys.principal_by_id(user.organization_id, maker.removeprefix(API_KEY_SUBJECT_PREFIX))
            return key is not None and user.role != "owner" and ROLE_SCOPES[user.role] | {"manage"} <= key.scopes
        access = await Users(self._database).access_of(maker)
        if access is None:
            return True
        if access.is_removed or access.organization_id != user.organization_id:
            return False
        is_allowed = "manage" in ROLE_SCOPES[access.role]
        return is_allowed and (user.role != "owner" or access.role == "owner")
