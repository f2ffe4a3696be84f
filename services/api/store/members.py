"""The users of an organization and their roles. Removed users are kept for the record, without their e-mail address."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Role
from shared.platform.mongo import ClientSession, Database, Document, IndexModel, in_transaction


class Members:
    """Collection `users`, by organization. Users are created by registration (users.py) and invitations
    (invitations.py)."""

    INDEXES: ClassVar = {"users": [IndexModel([("organization_id", 1), ("created_at", 1)])]}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_of(self, organization_id: str) -> list[Document]:
        """The oldest first, at most 1,000."""
        query = {"organization_id": organization_id, "removed_at": None}
        return await self._database.users.find(query).sort([("created_at", 1), ("_id", 1)]).limit(1000).to_list(None)

    async def get(self, organization_id: str, user_id: str, session: ClientSession | None = None) -> Document:
        """Raises Problem 404 `user_not_found`, also for another organization's."""
        query = {"_id": user_id, "organization_id": organization_id, "removed_at": None}
        user = await self._database.users.find_one(query, session=session)
        if user is None:
            raise Problem(404, "user_not_found", "there is no such user; list yours at /api/users")
        return user

    async def change(self, organization_id: str, user_id: str, fields: Document) -> Document:
        """Set `name` or `role`. Raises Problem 404 `user_not_found`, 409 `last_owner`."""
        pending = {PENDING_REVOCATION_FIELD: new_id()} if "role" in fields else {}

        async def write(session: ClientSession) -> Document:
            user = await self.get(organization_id, user_id, session)
            if fields.get("role", "owner") != "owner":
                await self._require_another_owner(user, session)
            await self._database.users.update_one({"_id": user_id}, {"$set": fields | pending}, session=session)
            return {**user, **fields, **pending}

        return await self._serialized(organization_id, write)

    async def remove(self, organization_id: str, user_id: str) -> Document:
        """End the user's access. Returns the user before the change, with the pending revocation. Raises Problem 404
        `user_not_found`, 409 `last_owner`."""

        async def write(session: ClientSession) -> Document:
            user = await self.get(organization_id, user_id, session)
            await self._require_another_owner(user, session)
            pending = {PENDING_REVOCATION_FIELD: new_id()}
            fields = {"removed_at": utc_now(), "email": f"removed:{user_id}", "former_email": user["email"], **pending}
            change = {"$set": fields, "$unset": {"password_hash": "", "slot": "", "registered_email": ""}}
            await self._database.users.update_one({"_id": user_id}, change, session=session)
            return {**user, **pending}

        return await self._serialized(organization_id, write)

    async def _serialized(
        self, organization_id: str, write: Callable[[ClientSession], Awaitable[Document]]
    ) -> Document:
        """Serialize changes to the users of one organization: each transaction first writes to the organization's
        document."""

        async def locked(session: ClientSession) -> Document:
            lock = {"$inc": {"people_changes": 1}}
            await self._database.organizations.update_one({"_id": organization_id}, lock, session=session)
            return await write(session)

        return await in_transaction(self._database, locked)

    async def _require_another_owner(self, user: Document, session: ClientSession) -> None:
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
    """Of a user as `change` or `remove` returned it."""
    return PendingRevocation("users", (user["_id"],), user[PENDING_REVOCATION_FIELD])


def role_of(user: Document) -> Role:
    """Users without a role registered before roles existed and created their organization: owners."""
    role: Role = user.get("role") or "owner"
    return role
