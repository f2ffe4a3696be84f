"""Registration, login and passwords of users. Every registration creates an organization."""

from dataclasses import dataclass
from typing import ClassVar

from services.api.store.user_records import USER_ACCESS_FIELDS, UserAccess, UserRecord, user_access, user_record
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import ClientSession, Database, DuplicateKeyError, IndexModel, in_transaction

_FIRST_USER_SLOT = "first"
MAX_USERS_PER_EMAIL = 20


@dataclass(frozen=True)
class NewUser:
    """`only_first`: refuse when any user exists."""

    email: str
    password_hash: str
    name: str
    organization_name: str
    only_first: bool = False


class Users:
    """Collections `users` and `organizations`.

    An e-mail address may belong to users of several organizations: otherwise an invitation would reveal whether it is
    registered in another one. `registered_email`, of users who registered themselves, is unique.
    """

    INDEXES: ClassVar = {
        "users": [
            IndexModel([("email", 1), ("organization_id", 1)], unique=True),
            IndexModel(
                "registered_email", unique=True, partialFilterExpression={"registered_email": {"$exists": True}}
            ),
            IndexModel("slot", unique=True, partialFilterExpression={"slot": {"$exists": True}}),
        ],
    }
    RETIRED: ClassVar = {"users": ["email_1"], "organizations": ["created_at_1"]}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def require_available_email(self, email: str, only_first: bool) -> None:
        """Checked before a password is hashed. Raises Problem 409 `email_taken`, 403 `registration_closed`."""
        if only_first and await self._database.users.find_one({}, {"_id": 1}):
            raise Problem(403, "registration_closed", "registration is closed; ask who runs this server")
        if await self._database.users.find_one({"email": email}, {"_id": 1}):
            raise Problem(409, "email_taken", "this e-mail address is registered already; log in")

    async def register(self, new: NewUser) -> UserRecord:
        """Create a user and an organization. Raises Problem 409 `email_taken`, 403 `registration_closed`."""
        await self.require_available_email(new.email, new.only_first)
        now = utc_now()
        organization = {"_id": new_id(), "name": new.organization_name, "created_at": now}
        user = {
            "_id": new_id(),
            "organization_id": organization["_id"],
            "email": new.email,
            "name": new.name,
            "registered_email": new.email,
            "password_hash": new.password_hash,
            "role": "owner",
            "created_at": now,
        }
        if new.only_first:
            user["slot"] = _FIRST_USER_SLOT

        async def write(session: ClientSession) -> None:
            await self._database.organizations.insert_one(dict(organization), session=session)
            await self._database.users.insert_one(dict(user), session=session)

        try:
            await in_transaction(self._database, write)
        except DuplicateKeyError as error:
            if new.only_first:
                raise Problem(403, "registration_closed", "registration is closed") from error
            raise Problem(409, "email_taken", "this e-mail address is registered already; log in") from error
        return user_record(user)

    async def all_by_email(self, email: str, organization_id: str | None = None) -> list[UserRecord]:
        """One per organization, oldest first: at most MAX_USERS_PER_EMAIL, and in any case that of
        `organization_id`."""
        users = self._database.users
        matching = (
            await users.find({"email": email})
            .sort([("created_at", 1), ("_id", 1)])
            .limit(MAX_USERS_PER_EMAIL)
            .to_list(None)
        )
        if organization_id and organization_id not in {user["organization_id"] for user in matching}:
            matching += await users.find({"email": email, "organization_id": organization_id}).to_list(1)
        return [user_record(document) for document in matching]

    async def by_id(self, user_id: str) -> UserRecord | None:
        """None also for a removed user."""
        document = await self._database.users.find_one({"_id": user_id, "removed_at": None})
        return user_record(document) if document else None

    async def access_of(self, user_id: str, session: ClientSession | None = None) -> UserAccess | None:
        """Also of a removed user."""
        document = await self._database.users.find_one({"_id": user_id}, USER_ACCESS_FIELDS, session=session)
        return user_access(document) if document else None

    async def rehash_password(self, user_id: str, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password; does nothing when the password was changed in the meantime."""
        unchanged = {"_id": user_id, "password_hash": old_hash}
        await self._database.users.update_one(unchanged, {"$set": {"password_hash": new_hash}})

    async def set_password(self, user_id: str, old_hash: str, new_hash: str, session: ClientSession) -> bool:
        """False when the password was changed in the meantime."""
        unchanged = {"_id": user_id, "password_hash": old_hash, "removed_at": None}
        change = {"$set": {"password_hash": new_hash}, "$inc": {"password_version": 1}}
        return (await self._database.users.update_one(unchanged, change, session=session)).matched_count > 0

    async def record_login(self, user: UserRecord) -> bool:
        """Called after the login was stored. False when the password was changed or the user removed since `user` was
        read: then the login must be ended. A concurrent change of the password either waits for this write or ends the
        login."""
        unchanged = {"_id": user.id, "removed_at": None, "password_version": user.password_version}
        result = await self._database.users.update_one(unchanged, {"$set": {"last_login_at": utc_now()}})
        return result.matched_count > 0
