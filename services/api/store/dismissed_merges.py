"""Pairs of contacts that a user does not want to see as merge suggestions."""

from collections.abc import Iterable
from datetime import datetime

from shared.platform.mongo import Database

ContactPair = tuple[str, str]
"""The ids of two contacts, in any order."""


class DismissedMerges:
    """Collection `dismissed_merges`: one document for each pair, with an id made of both."""

    def __init__(self, database: Database) -> None:
        self._pairs = database["dismissed_merges"]

    async def add(self, organization_id: str, pair: ContactPair, by: str, at: datetime) -> None:
        new = {"organization_id": organization_id, "by": by, "at": at}
        await self._pairs.update_one({"_id": _id(organization_id, pair)}, {"$setOnInsert": new}, upsert=True)

    async def among(self, organization_id: str, pairs: Iterable[ContactPair]) -> set[frozenset[str]]:
        """Those of these pairs that were dismissed."""
        ids = {_id(organization_id, pair): frozenset(pair) for pair in pairs}
        query = {"_id": {"$in": sorted(ids)}, "organization_id": organization_id}
        return {ids[item["_id"]] async for item in self._pairs.find(query, {"_id": 1})}


def _id(organization_id: str, pair: ContactPair) -> str:
    return ":".join((organization_id, *sorted(pair)))
