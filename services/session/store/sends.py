"""The collection `sends`: an intent before the worker is called, the outcome afterwards. An intent without an outcome
may have gone out."""

from datetime import timedelta
from typing import Any

from shared.contracts.message import utc_now
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel

RETENTION = timedelta(days=8)
"""Longer than a command may be redelivered from its stream."""
INDEXES = [IndexModel([("at", 1)], name="kept_for_a_while", expireAfterSeconds=int(RETENTION.total_seconds()))]

SendOutcome = dict[str, Any]
"""outcome (accepted, failed, unconfirmed), and with it wa_id and timestamp, or code and detail."""


class ForeignId(Exception):
    """A command names an instance or a message of another organization."""


class SendCollection:
    def __init__(self, database: Database) -> None:
        self._sends = database["sends"]

    async def record_intent(self, message_id: str, organization_id: str, instance_id: str) -> SendOutcome | None:
        """None: the intent is stored now. Else it was stored before: its outcome, empty when that is not known.

        Raises ForeignId when the message is of another organization or instance.
        """
        intent = {"_id": message_id, "organization_id": organization_id, "instance_id": instance_id, "at": utc_now()}
        try:
            await self._sends.insert_one(intent)
        except DuplicateKeyError:
            earlier = await self._sends.find_one({"_id": message_id})
            if earlier and (earlier["organization_id"], earlier["instance_id"]) != (organization_id, instance_id):
                raise ForeignId from None
            return dict(earlier.get("outcome") or {}) if earlier else {}
        return None

    async def record_outcome(self, message_id: str, outcome: SendOutcome) -> None:
        await self._sends.update_one({"_id": message_id}, {"$set": {"outcome": outcome}})
