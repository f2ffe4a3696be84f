"""Invitations: a one-time token whose holder becomes a user. Stored as hashes, like API keys."""

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
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, ROLE_SCOPES, Principal, Role
from shared.platform.mongo import (
    ClientSession,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    MongoQuery,
    in_transaction,
)

_INVITATION_PREFIX = "sbi_"


def _invalid() -> Problem:
    return Problem(404, "invitation_invalid", "token: unknown, used, withdrawn or expired; ask for a new invitation")


def _taken() -> Problem:
    return Problem(409, "email_taken", "this address belongs to a user of the organization already; log in")


def _valid_query(token: str) -> MongoQuery:
    return {"hash": token_hash(token), "expires_at": {"$gt": utc_now()}}


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
    """Collection `invitations`. Accepted and withdrawn ones are deleted; MongoDB deletes expired ones."""

    INDEXES: ClassVar = {
        "invitations": [
            IndexModel("hash", unique=True),
            IndexModel([("organization_id", 1), ("created_at", -1)]),
            IndexModel("expires_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, caller: Principal, email: str, role: Role, ttl: timedelta) -> tuple[InvitationRecord, str]:
        """The invitation and the token. Raises Problem 409 `email_taken` for users of this organization. Users of
        other organizations with this address do not matter."""
        query = {"email": email, "organization_id": caller.organization_id}
        if await self._database.users.find_one(query, {"_id": 1}):
            raise Problem(409, "email_taken", "email: this address belongs to a user of your organization already")
        token, now = _INVITATION_PREFIX + secrets.token_urlsafe(32), utc_now()
        document: Document = {
            "_id": new_id(),
            "organization_id": caller.organization_id,
            "email": email,
            "role": role,
            "hash": token_hash(token),
            "created_by": caller.subject,
            "created_at": now,
            "expires_at": now + ttl,
        }
        await self._database.invitations.insert_one(document)
        return _record(document), token

    async def all_of(self, organization_id: str) -> list[InvitationRecord]:
        """The newest 200 that can still be accepted."""
        open_ones = {"organization_id": organization_id, "expires_at": {"$gt": utc_now()}}
        newest_first = self._database.invitations.find(open_ones).sort("created_at", -1)
        return [_record(document) for document in await newest_first.limit(200).to_list(None)]

    async def withdraw(self, organization_id: str, invitation_id: str) -> None:
        """Raises Problem 404 `invitation_not_found`."""
        query = {"_id": invitation_id, "organization_id": organization_id}
        if not (await self._database.invitations.delete_one(query)).deleted_count:
            raise Problem(404, "invitation_not_found", "there is no such invitation; it may have been accepted")

    async def withdraw_all_by(self, organization_id: str, *makers: str) -> None:
        """Delete those that these users and keys made: makers who may no longer invite must not add users this way
        either."""
        query = {"organization_id": organization_id, "created_by": {"$in": list(makers)}}
        await self._database.invitations.delete_many(query)

    async def get_open(self, token: str) -> InvitationRecord:
        """Checked before a password is hashed. Raises Problem 404 `invitation_invalid`, 409 `email_taken`."""
        document = await self._database.invitations.find_one(_valid_query(token))
        if document is None or await self._current_role(_record(document)) is None:
            raise _invalid()
        invitation = _record(document)
        query = {"email": invitation.email, "organization_id": invitation.organization_id}
        if await self._database.users.find_one(query, {"_id": 1}):
            raise _taken()
        return invitation

    async def accept(self, token: str, password_hash: str, name: str | None) -> UserRecord:
        """Create the user and delete the invitation. Raises Problem 404 `invitation_invalid`, 409 `email_taken`."""

        async def write(session: ClientSession) -> UserRecord:
            document = await self._database.invitations.find_one_and_delete(_valid_query(token), session=session)
            role = await self._current_role(_record(document), session) if document else None
            if document is None or role is None:
                raise _invalid()
            invitation = _record(document)
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
