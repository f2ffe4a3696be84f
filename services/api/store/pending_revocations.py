"""Marks for access that ended and whose AccessEnded is not published yet. The write that ends the access sets the mark,
so that an api that is killed before it publishes the event leaves the mark for the next start."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from shared.platform.mongo import Database, Document, IndexModel

PENDING_REVOCATION_FIELD = "ending_untold"
"""Field of a login, an API key or a user: the id of the change whose AccessEnded is not published yet."""


@dataclass(frozen=True)
class PendingRevocation:
    """`change`: what is changed again before the mark is removed stays marked by that."""

    collection: str
    ids: tuple[str, ...]
    change_id: str


class PendingRevocations:
    """Collections `logins`, `api_keys` and `users`."""

    COLLECTIONS = ("logins", "api_keys", "users")
    INDEXES: ClassVar = {name: [IndexModel(PENDING_REVOCATION_FIELD, sparse=True)] for name in COLLECTIONS}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> AsyncIterator[tuple[PendingRevocation, Document]]:
        """Each with the marked document."""
        for collection in self.COLLECTIONS:
            async for found in self._database[collection].find({PENDING_REVOCATION_FIELD: {"$exists": True}}):
                yield PendingRevocation(collection, (found["_id"],), found[PENDING_REVOCATION_FIELD]), found

    async def clear(self, mark: PendingRevocation) -> None:
        """It was told."""
        marked = {"_id": {"$in": list(mark.ids)}, PENDING_REVOCATION_FIELD: mark.change_id}
        await self._database[mark.collection].update_many(marked, {"$unset": {PENDING_REVOCATION_FIELD: ""}})
