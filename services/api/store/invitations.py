"""Invitations: a one-time token whose holder becomes a user. Stored as hashes, like API keys. One that was used or
withdrawn is kept for some days, so that its holder is told what became of it."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from services.api.store.api_keys import ApiKeys
from services.api.store.token_hash import token_hash
from services.api.store.user_records import UserRecord, user_record
from services.api.store.users import Users
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, ROLE_SCOPES, Principal, Role
from shared.platform.mongo import (
    ClientSession,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    MongoQuery,
    MongoUpdate,
    in_transaction,
)

_INVITATION_PREFIX = "sbi_"


INVITATION_KEPT = timedelta(days=14)
"""How long an invitation is kept after its expiry, whatever became of it."""
MAX_FORMER_HASHES = 20
"""Of the tokens before the newest one."""


def _invalid() -> Problem:
    return Problem(
        404, "invitation_invalid", "token: there is no such invitation; check the link, or ask for a new one"
    )


def _withdrawn() -> Problem:
    return Problem(410, "invitation_withdrawn", "this invitation was withdrawn; ask for a new one")


def _taken() -> Problem:
    return Problem(409, "email_taken", "this address belongs to a user of the organization already; log in")


def _refusal(document: Document | None, token: str) -> Problem | None:
    """Why this token cannot be accepted; None when nothing speaks against it."""
    if document is None:
        return _invalid()
    if document.get("used_at"):
        return Problem(409, "invitation_used", "this invitation was used already; log in")
    if document.get("withdrawn_at"):
        return _withdrawn()
    if document["hash"] != token_hash(token):
        return Problem(410, "invitation_renewed", "there is a newer link for this invitation; use that one")
    if document["expires_at"] <= utc_now():
        return Problem(410, "invitation_expired", "this invitation has expired; ask for a new one")
    return None


def _of_token(token: str) -> MongoQuery:
    return {"$or": [{"hash": token_hash(token)}, {"former_hashes": token_hash(token)}]}


_PENDING: MongoQuery = {"used_at": None, "withdrawn_at": None}
"""Neither used nor withdrawn; perhaps expired."""


def _replace_hash(new_hash: object, **changes: object) -> list[MongoUpdate]:
    """The update that keeps the hash among the former ones. An ended invitation gets its id in the place of the hash,
    which no token has: also an api of an earlier version then refuses the token."""
    former: MongoQuery = {"$concatArrays": [{"$ifNull": ["$former_hashes", []]}, ["$hash"]]}
    return [
        {"$set": {"former_hashes": {"$slice": [former, -MAX_FORMER_HASHES]}}},
        {"$set": {**changes, "hash": new_hash}},
    ]


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """`created_by`: the subject of the caller's token."""

    id: str
    organization_id: str
    email: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


class Invitations:
    """Collection `invitations`. MongoDB deletes them INVITATION_KEPT after their expiry."""

    INDEXES: ClassVar = {
        "invitations": [
            IndexModel("hash", unique=True),
            IndexModel("former_hashes", sparse=True),
            IndexModel([("organization_id", 1), ("created_at", -1)]),
            IndexModel("kept_until", expireAfterSeconds=0),
        ]
    }
    RETIRED: ClassVar = {"invitations": ["expires_at_1"]}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, caller: Principal, email: str, role: Role, ttl: timedelta) -> tuple[InvitationRecord, str]:
        """The invitation and the token. Raises Problem 409 `email_taken` for users of this organization. Users of
        other organizations with this address do not matter."""
        await self._require_no_user(caller.organization_id, email)
        token, now = _new_token(), utc_now()
        document: Document = {
            "_id": new_id(),
            "organization_id": caller.organization_id,
            "email": email,
            "role": role,
            "hash": token_hash(token),
            "created_by": caller.subject,
            "created_at": now,
            "expires_at": now + ttl,
            "kept_until": now + ttl + INVITATION_KEPT,
        }
        await self._database.invitations.insert_one(document)
        return _record(document), token

    async def renew(self, caller: Principal, invitation_id: str, ttl: timedelta) -> tuple[InvitationRecord, str]:
        """Give a pending invitation, which may have expired, a new token and expiry; tokens before it end. The caller
        alone knows the token, so from now on it is an invitation of the caller. Raises Problem 404
        `invitation_not_found`, 409 `email_taken`."""
        invitation = await self.get_pending(caller.organization_id, invitation_id)
        await self._require_no_user(caller.organization_id, invitation.email)
        token, now = _new_token(), utc_now()
        changes = {
            "created_by": caller.subject,
            "expires_at": now + ttl,
            "kept_until": now + ttl + INVITATION_KEPT,
        }
        query = {"_id": invitation_id, "organization_id": caller.organization_id, **_PENDING}
        renewal = _replace_hash(token_hash(token), **changes)
        document = await self._database.invitations.find_one_and_update(query, renewal, return_document=True)
        if document is None:
            raise _not_found()
        return _record(document), token

    async def get_pending(self, organization_id: str, invitation_id: str) -> InvitationRecord:
        """Neither used nor withdrawn; perhaps expired. Raises Problem 404 `invitation_not_found`."""
        query = {"_id": invitation_id, "organization_id": organization_id, **_PENDING}
        document = await self._database.invitations.find_one(query)
        if document is None:
            raise _not_found()
        return _record(document)

    async def all_of(self, organization_id: str) -> list[InvitationRecord]:
        """The newest 200 that can still be accepted."""
        open_ones = {"organization_id": organization_id, "expires_at": {"$gt": utc_now()}, **_PENDING}
        newest_first = self._database.invitations.find(open_ones).sort("created_at", -1)
        return [_record(document) for document in await newest_first.limit(200).to_list(None)]

    async def withdraw(self, organization_id: str, invitation_id: str) -> None:
        """Raises Problem 404 `invitation_not_found`."""
        query = {"_id": invitation_id, "organization_id": organization_id, **_PENDING}
        withdrawal = _replace_hash("$_id", withdrawn_at=utc_now())
        if not (await self._database.invitations.update_one(query, withdrawal)).matched_count:
            raise _not_found()

    async def withdraw_all_by(self, organization_id: str, *makers: str) -> None:
        """Withdraw those that these users and keys made: makers who may no longer invite must not add users this way
        either."""
        query = {"organization_id": organization_id, "created_by": {"$in": list(makers)}, **_PENDING}
        await self._database.invitations.update_many(query, _replace_hash("$_id", withdrawn_at=utc_now()))

    async def get_open(self, token: str) -> InvitationRecord:
        """Checked before a password is hashed; changes nothing. `role`: what the user will get. Raises Problem 404
        `invitation_invalid`, 409 `invitation_used` or `email_taken`, 410 `invitation_withdrawn`, `invitation_renewed`
        or `invitation_expired`."""
        document = await self._database.invitations.find_one(_of_token(token))
        if problem := _refusal(document, token):
            raise problem
        invitation = _record(document or {})
        role = await self._current_role(invitation)
        if role is None:
            raise _withdrawn()
        query = {"email": invitation.email, "organization_id": invitation.organization_id}
        if await self._database.users.find_one(query, {"_id": 1}):
            raise _taken()
        return replace(invitation, role=role)

    async def accept(self, token: str, password_hash: str, name: str | None) -> UserRecord:
        """Create the user and end the invitation. Raises as `get_open`."""

        async def write(session: ClientSession) -> UserRecord:
            now = utc_now()
            valid = {"hash": token_hash(token), "expires_at": {"$gt": now}, **_PENDING}
            used = _replace_hash("$_id", used_at=now)
            document = await self._database.invitations.find_one_and_update(valid, used, session=session)
            if document is None:
                ended = await self._database.invitations.find_one(_of_token(token), session=session)
                raise _refusal(ended, token) or _invalid()
            invitation = _record(document)
            role = await self._current_role(invitation, session)
            if role is None:
                raise _withdrawn()
            user = {
                "_id": new_id(),
                "organization_id": invitation.organization_id,
                "email": invitation.email,
                "name": name or invitation.email.partition("@")[0],
                "password_hash": password_hash,
                "role": role,
                "invited_by": invitation.created_by,
                "created_at": utc_now(),
            }
            await self._database.users.insert_one(user, session=session)
            return user_record(user)

        try:
            return await in_transaction(self._database, write)
        except DuplicateKeyError as error:
            raise _taken() from error

    async def _require_no_user(self, organization_id: str, email: str) -> None:
        query = {"email": email, "organization_id": organization_id}
        if await self._database.users.find_one(query, {"_id": 1}):
            raise Problem(409, "email_taken", "email: this address belongs to a user of your organization already")

    async def _current_role(self, invitation: InvitationRecord, session: ClientSession | None = None) -> Role | None:
        """The role of the invitation, limited to the current role of its maker; None when the maker may no longer
        invite.

        A maker that is no user (another program, a NATS request) sets no limits.
        """
        role, maker = invitation.role, invitation.created_by
        if maker.startswith(API_KEY_SUBJECT_PREFIX):
            keys = ApiKeys(self._database.api_keys)
            key_id = maker.removeprefix(API_KEY_SUBJECT_PREFIX)
            key = await keys.principal_by_id(invitation.organization_id, key_id)
            may_invite = key is not None and ROLE_SCOPES[role] | {"manage"} <= key.scopes
            return _at_most_admin(role) if may_invite else None
        user = await Users(self._database).access_of(maker, session)
        if user is None:
            return role
        is_elsewhere = user.is_removed or user.organization_id != invitation.organization_id
        if is_elsewhere or "manage" not in ROLE_SCOPES[user.role]:
            return None
        return role if user.role == "owner" else _at_most_admin(role)


def _new_token() -> str:
    return _INVITATION_PREFIX + secrets.token_urlsafe(32)


def _not_found() -> Problem:
    return Problem(404, "invitation_not_found", "there is no such invitation; it may have been accepted")


async def keep_invitations_after_their_expiry(database: Database) -> None:
    """Those of earlier versions say when they expire, and not until when they are kept."""
    kept_until = {"$add": ["$expires_at", int(INVITATION_KEPT.total_seconds() * 1000)]}
    await database.invitations.update_many({"kept_until": None}, [{"$set": {"kept_until": kept_until}}])


def _record(document: Document) -> InvitationRecord:
    return InvitationRecord(
        id=document["_id"],
        organization_id=document["organization_id"],
        email=document["email"],
        role=document["role"],
        created_by=document["created_by"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
    )


def _at_most_admin(role: Role) -> Role:
    return "admin" if role == "owner" else role
