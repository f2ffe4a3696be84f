"""Sends: an intent before the library is called, the outcome afterwards. What has neither may have gone out."""

from datetime import timedelta
from typing import Any

from shared.contracts.message import utc_now
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel

KEPT = timedelta(days=8)
"""Longer than the command's stream keeps what may be redelivered."""
INDEXES = [IndexModel([("at", 1)], name="kept_for_a_while", expireAfterSeconds=int(KEPT.total_seconds()))]

Outcome = dict[str, Any]


class NotOwned(Exception):
    """A command names what belongs to another organization."""


class Sends:
    def __init__(self, database: Database) -> None:
        self._sends = database["sends"]

    async def intend(self, message_id: str, organization_id: str, instance_id: str) -> Outcome | None:
        """None: nobody tried before, and now it is written down. Else the earlier outcome, empty when unknown.

        Raises NotOwned when the message is of another organization or instance.
        """
        intent = {"_id": message_id, "organization_id": organization_id, "instance_id": instance_id, "at": utc_now()}
        try:
            await self._sends.insert_one(intent)
        except DuplicateKeyError:
            earlier = await self._sends.find_one({"_id": message_id})
            if earlier and (earlier["organization_id"], earlier["instance_id"]) != (organization_id, instance_id):
                raise NotOwned from None
            return dict(earlier.get("outcome") or {}) if earlier else {}
        return None

    async def settle(self, message_id: str, outcome: Outcome) -> None:
        await self._sends.update_one({"_id": message_id}, {"$set": {"outcome": outcome}})
