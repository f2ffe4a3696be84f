"""Revocations whose AccessRevoked is not published yet. The write that ends an access also sets
PENDING_REVOCATION_FIELD, so that an api that is killed before it publishes the event finds it at its next start (a
transactional outbox)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from services.api.store.user_records import user_access
from shared.contracts.principal import Role
from shared.platform.mongo import Database, Document, IndexModel

PENDING_REVOCATION_FIELD = "ending_untold"
"""Field of a login, an API key or a user: the id of the change whose AccessRevoked is not published yet."""


@dataclass(frozen=True)
class PendingRevocation:
    """`ids`: of the changed documents, which are logins of one user, one API key or one user. `change_id`: a document
    that is changed again before the event is published has another id and stays pending. `role`: the new role of a user
    who was not removed; None: the access ended."""

    collection: str
    organization_id: str
    ids: tuple[str, ...]
    change_id: str
    role: Role | None = None

    @property
    def id(self) -> str:
        """Of the API key or the user."""
        return self.ids[0]


class PendingRevocations:
    """Collections `logins`, `api_keys` and `users`."""

    COLLECTIONS = ("logins", "api_keys", "users")
    INDEXES: ClassVar = {name: [IndexModel(PENDING_REVOCATION_FIELD, sparse=True)] for name in COLLECTIONS}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> AsyncIterator[PendingRevocation]:
        for collection in self.COLLECTIONS:
            async for document in self._database[collection].find({PENDING_REVOCATION_FIELD: {"$exists": True}}):
                yield pending_revocation(collection, document)

    async def clear(self, revocation: PendingRevocation) -> None:
        """It was published."""
        query = {"_id": {"$in": list(revocation.ids)}, PENDING_REVOCATION_FIELD: revocation.change_id}
        await self._database[revocation.collection].update_many(query, {"$unset": {PENDING_REVOCATION_FIELD: ""}})


def pending_revocation(collection: str, document: Document) -> PendingRevocation:
    """Of a document with PENDING_REVOCATION_FIELD."""
    role: Role | None = None
    if collection == "users":
        user = user_access(document)
        role = None if user.is_removed else user.role
    return PendingRevocation(
        collection, document["organization_id"], (document["_id"],), document[PENDING_REVOCATION_FIELD], role
    )
