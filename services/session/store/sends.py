"""The collection `sends`: an intent before the worker is called; the outcome afterwards, unless NATS has it as
`MessageSent`. An intent without an outcome may have gone out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, NotRequired, TypedDict

from shared.contracts.message import utc_now
from shared.contracts.send_outcome import SendOutcome
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel, UpdateOne, collection_of
from shared.platform.operation_batcher import OperationBatcher, insert_each, write_results

RETENTION = timedelta(days=8)
"""Longer than a command may be redelivered from its stream."""
INDEXES = [IndexModel([("at", 1)], name="kept_for_a_while", expireAfterSeconds=int(RETENTION.total_seconds()))]


class StoredSend(TypedDict):
    """A document of `sends`. `outcome`: absent until it is known."""

    _id: str
    organization_id: str
    instance_id: str
    at: datetime
    outcome: NotRequired[SendOutcome | None]


class EarlierSend(NamedTuple):
    """An intent that was stored before; `outcome`: None when it is not known."""

    outcome: SendOutcome | None


class ForeignId(Exception):
    """A command names an instance or a message of another organization."""


class SendCollection:
    """Concurrent calls share a round trip."""

    def __init__(self, database: Database) -> None:
        self._sends = collection_of(database, "sends", StoredSend)
        self._record, self._update = OperationBatcher(self._record_all), OperationBatcher(self._update_all)

    async def record_intent(self, message_id: str, organization_id: str, instance_id: str) -> EarlierSend | None:
        """None: the intent is stored now.

        Raises ForeignId when the message is of another organization or instance.
        """
        intent: StoredSend = {
            "_id": message_id,
            "organization_id": organization_id,
            "instance_id": instance_id,
            "at": utc_now(),
        }
        try:
            await self._record(intent)
        except DuplicateKeyError:
            earlier = await self._sends.find_one({"_id": message_id})
            if earlier and (earlier["organization_id"], earlier["instance_id"]) != (organization_id, instance_id):
                raise ForeignId from None
            return EarlierSend(earlier.get("outcome") if earlier else None)
        return None

    async def remove_intent(self, message_id: str) -> None:
        """Of a send for which the worker was not called."""
        await self._sends.delete_one({"_id": message_id, "outcome": None})

    async def record_outcome(self, message_id: str, outcome: SendOutcome) -> None:
        await self._update(UpdateOne({"_id": message_id}, {"$set": {"outcome": outcome}}))

    async def _record_all(self, intents: Sequence[StoredSend]) -> list[Exception | None]:
        return await insert_each(self._sends, intents)

    async def _update_all(self, updates: Sequence[UpdateOne]) -> list[Exception | None]:
        return await write_results(self._sends.bulk_write(list(updates), ordered=False), len(updates))
