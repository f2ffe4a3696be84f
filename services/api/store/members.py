"""The people of an organization and their roles. Who is removed stays, without an address, for the record."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Role
from shared.platform.mongo import Database, Document, IndexModel, in_transaction


class Members:
    """Collection `users`, as the organization sees it; made there by registration and by invitations."""

    INDEXES: ClassVar = {"users": [IndexModel([("organization_id", 1), ("created_at", 1)])]}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_of(self, organization_id: str) -> list[Document]:
        """The oldest first, at most 1,000."""
        mine = {"organization_id": organization_id, "removed_at": None}
        return await self._database.users.find(mine).sort([("created_at", 1), ("_id", 1)]).limit(1000).to_list(None)

    async def get(self, organization_id: str, user_id: str, session: Any = None) -> Document:
        """Raises Problem 404 `user_not_found`, also for another organization's."""
        mine = {"_id": user_id, "organization_id": organization_id, "removed_at": None}
        found = await self._database.users.find_one(mine, session=session)
        if found is None:
            raise Problem(404, "user_not_found", "there is no such user; list yours at /api/users")
        return found

    async def change(self, organization_id: str, user_id: str, fields: Document) -> Document:
        """Set `name` or `role`. Raises Problem 404, and 409 `last_owner`."""
        marked = {PENDING_REVOCATION_FIELD: new_id()} if "role" in fields else {}

        async def write(session: Any) -> Document:
            found = await self.get(organization_id, user_id, session)
            if fields.get("role", "owner") != "owner":
                await self._require_another_owner(found, session)
            await self._database.users.update_one({"_id": user_id}, {"$set": fields | marked}, session=session)
            return {**found, **fields, **marked}

        return await self._serialized(organization_id, write)

    async def remove(self, organization_id: str, user_id: str) -> Document:
        """The user as it was, marked. From now on its tokens open nothing. Raises Problem 404, and 409 `last_owner`."""

        async def write(session: Any) -> Document:
            found = await self.get(organization_id, user_id, session)
            await self._require_another_owner(found, session)
            marked = {PENDING_REVOCATION_FIELD: new_id()}
            gone = {"removed_at": utc_now(), "email": f"removed:{user_id}", "former_email": found["email"], **marked}
            change = {"$set": gone, "$unset": {"password_hash": "", "slot": "", "registered_email": ""}}
            await self._database.users.update_one({"_id": user_id}, change, session=session)
            return {**found, **marked}

        return await self._serialized(organization_id, write)

    async def _serialized(self, organization_id: str, write: Callable[[Any], Awaitable[Document]]) -> Document:
        """Two changes to the people of one organization never overlap: each writes to the organization first."""

        async def locked(session: Any) -> Document:
            lock = {"$inc": {"people_changes": 1}}
            await self._database.organizations.update_one({"_id": organization_id}, lock, session=session)
            return await write(session)

        return await in_transaction(self._database, locked)

    async def _require_another_owner(self, user: Document, session: Any) -> None:
        if role_of(user) != "owner":
            return
        owners = {
            "organization_id": user["organization_id"],
            "removed_at": None,
            "role": {"$in": ["owner", None]},
            "_id": {"$ne": user["_id"]},
        }
        if await self._database.users.find_one(owners, {"_id": 1}, session=session) is None:
            raise Problem(409, "last_owner", "an organization keeps at least one owner; make somebody else owner first")


def pending_revocation_of(user: Document) -> PendingRevocation:
    """Of a user who was changed or removed just now."""
    return PendingRevocation("users", (user["_id"],), user[PENDING_REVOCATION_FIELD])


def role_of(user: Document) -> Role:
    """Who registered before there were roles made the organization: an owner."""
    role: Role = user.get("role") or "owner"
    return role
