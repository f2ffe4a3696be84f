"""Marks for access that ended and whose AccessEnded is not published yet. The write that ends the access sets the mark,
so that an api that is killed before it publishes the event leaves the mark for the next start."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from shared.platform.mongo import Database, Document, IndexModel

UNTOLD = "ending_untold"
"""Field of a login, an API key or a user: the id of the change whose AccessEnded is not published yet."""


@dataclass(frozen=True)
class Mark:
    """`change`: what is changed again before the mark is removed stays marked by that."""

    collection: str
    ids: tuple[str, ...]
    change: str


class UntoldEndings:
    """Collections `logins`, `api_keys` and `users`."""

    COLLECTIONS = ("logins", "api_keys", "users")
    INDEXES: ClassVar = {name: [IndexModel(UNTOLD, sparse=True)] for name in COLLECTIONS}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> AsyncIterator[tuple[Mark, Document]]:
        """Each with the marked document."""
        for collection in self.COLLECTIONS:
            async for found in self._database[collection].find({UNTOLD: {"$exists": True}}):
                yield Mark(collection, (found["_id"],), found[UNTOLD]), found

    async def forget(self, mark: Mark) -> None:
        """It was told."""
        marked = {"_id": {"$in": list(mark.ids)}, UNTOLD: mark.change}
        await self._database[mark.collection].update_many(marked, {"$unset": {UNTOLD: ""}})
