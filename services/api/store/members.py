"""The users of an organization and their roles. Removed users are kept for the record, without their e-mail address."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import ClassVar, TypeVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from services.api.store.user_records import UserRecord, user_record
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Role
from shared.platform.mongo import ClientSession, Database, IndexModel, MongoQuery, in_transaction

R = TypeVar("R")


class Members:
    """Collection `users`, by organization. Users are created by registration (users.py) and invitations
    (invitations.py)."""

    INDEXES: ClassVar = {"users": [IndexModel([("organization_id", 1), ("created_at", 1)])]}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_of(self, organization_id: str) -> list[UserRecord]:
        """The oldest first, at most 1,000."""
        query = {"organization_id": organization_id, "removed_at": None}
        oldest_first = self._database.users.find(query).sort([("created_at", 1), ("_id", 1)])
        return [user_record(document) for document in await oldest_first.limit(1000).to_list(None)]

    async def names_of(self, organization_id: str, subjects: Collection[str]) -> dict[str, str]:
        """By subject: the names of these users and API keys, as far as they are of this organization."""
        names: dict[str, str] = {}
        users = {subject for subject in subjects if not subject.startswith(API_KEY_SUBJECT_PREFIX)}
        keys = {
            subject.removeprefix(API_KEY_SUBJECT_PREFIX): subject
            for subject in subjects
            if subject.startswith(API_KEY_SUBJECT_PREFIX)
        }
        query: MongoQuery = {"organization_id": organization_id, "_id": {"$in": sorted(users)}}
        async for user in self._database.users.find(query, {"name": 1}):
            names[user["_id"]] = user["name"]
        query = {"organization_id": organization_id, "_id": {"$in": sorted(keys)}}
        async for key in self._database.api_keys.find(query, {"name": 1}):
            names[keys[key["_id"]]] = key["name"]
        return names

    async def get(self, organization_id: str, user_id: str, session: ClientSession | None = None) -> UserRecord:
        """Raises Problem 404 `user_not_found`, also for another organization's."""
        query = {"_id": user_id, "organization_id": organization_id, "removed_at": None}
        document = await self._database.users.find_one(query, session=session)
        if document is None:
            raise Problem(404, "user_not_found", "there is no such user; list yours at /api/users")
        return user_record(document)

    async def change(
        self, organization_id: str, user_id: str, *, name: str | None = None, role: Role | None = None
    ) -> tuple[UserRecord, PendingRevocation | None]:
        """Set those that are not None. Returns the user after it, and the pending revocation of a new role. Raises
        Problem 404 `user_not_found`, 409 `last_owner`."""
        given = {"name": name, "role": role}
        changes = {field: value for field, value in given.items() if value is not None}
        revocation = PendingRevocation("users", organization_id, (user_id,), new_id(), role) if role else None
        pending = {PENDING_REVOCATION_FIELD: revocation.change_id} if revocation else {}

        async def write(session: ClientSession) -> UserRecord:
            user = await self.get(organization_id, user_id, session)
            if role not in ("owner", None):
                await self._require_another_owner(user, session)
            await self._database.users.update_one({"_id": user_id}, {"$set": changes | pending}, session=session)
            return replace(user, name=name or user.name, role=role or user.role)

        return await self._serialized(organization_id, write), revocation

    async def remove(self, organization_id: str, user_id: str) -> PendingRevocation:
        """End the user's access. Raises Problem 404 `user_not_found`, 409 `last_owner`."""

        async def write(session: ClientSession) -> PendingRevocation:
            user = await self.get(organization_id, user_id, session)
            await self._require_another_owner(user, session)
            revocation = PendingRevocation("users", organization_id, (user_id,), new_id())
            fields = {
                "removed_at": utc_now(),
                "email": f"removed:{user_id}",
                "former_email": user.email,
                PENDING_REVOCATION_FIELD: revocation.change_id,
            }
            change = {"$set": fields, "$unset": {"password_hash": "", "slot": "", "registered_email": ""}}
            await self._database.users.update_one({"_id": user_id}, change, session=session)
            return revocation

        return await self._serialized(organization_id, write)

    async def _serialized(self, organization_id: str, write: Callable[[ClientSession], Awaitable[R]]) -> R:
        """Serialize changes to the users of one organization: each transaction first writes to the organization's
        document."""

        async def locked(session: ClientSession) -> R:
            lock = {"$inc": {"people_changes": 1}}
            await self._database.organizations.update_one({"_id": organization_id}, lock, session=session)
            return await write(session)

        return await in_transaction(self._database, locked)

    async def _require_another_owner(self, user: UserRecord, session: ClientSession) -> None:
        if user.role != "owner":
            return
        owners = {
            "organization_id": user.organization_id,
            "removed_at": None,
            "role": {"$in": ["owner", None]},
            "_id": {"$ne": user.id},
        }
        if await self._database.users.find_one(owners, {"_id": 1}, session=session) is None:
            raise Problem(409, "last_owner", "an organization keeps at least one owner; make somebody else owner first")
