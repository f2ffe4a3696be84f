"""Receipts that arrived before their message had its WhatsApp id; read when it gets it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.contracts.records import MessageStatus
from shared.platform.mongo import Database, IndexModel, MongoQuery, UpdateOne
from shared.platform.operation_batcher import OperationBatcher, write_results

RECEIPT_RETENTION = timedelta(days=2)
INDEXES = [
    IndexModel([("instance_id", 1), ("wa_id", 1)], name="of_message"),
    IndexModel([("at", 1)], name="kept_for_a_while", expireAfterSeconds=int(RECEIPT_RETENTION.total_seconds())),
]


@dataclass(frozen=True)
class EarlyReceipt:
    """`sender`: aliases of who sent it; empty when that is not known."""

    status: MessageStatus
    sender: tuple[str, ...]


class EarlyReceipts:
    def __init__(self, database: Database) -> None:
        self._receipts = database["receipts"]
        self._load, self._save = OperationBatcher(self._load_all), OperationBatcher(self._save_all)

    async def save(self, instance_id: str, wa_id: str, receipt: EarlyReceipt, at: datetime) -> None:
        """Repeatable."""
        key = ":".join((instance_id, wa_id, receipt.status.value, *receipt.sender))
        fields = {"instance_id": instance_id, "wa_id": wa_id, "at": at}
        fields |= {"status": receipt.status.value, "sender": list(receipt.sender)}
        await self._save(UpdateOne({"_id": key}, {"$setOnInsert": fields}, upsert=True))

    async def of_message(self, instance_id: str, wa_id: str) -> list[EarlyReceipt]:
        return await self._load((instance_id, wa_id))

    async def _save_all(self, updates: Sequence[UpdateOne]) -> list[Exception | None]:
        return await write_results(self._receipts.bulk_write(list(updates), ordered=False), len(updates))

    async def _load_all(self, messages: Sequence[tuple[str, str]]) -> list[list[EarlyReceipt]]:
        """`messages`: instance and WhatsApp id of each."""
        found: dict[tuple[str, str], list[EarlyReceipt]] = {message: [] for message in messages}
        async for one in self._receipts.find(receipts_query(messages)):
            found[one["instance_id"], one["wa_id"]].append(early_receipt(one))
        return [found[message] for message in messages]


def receipts_query(messages: Sequence[tuple[str, str]]) -> MongoQuery:
    """`messages`: instance and WhatsApp id of each."""
    either = [{"instance_id": instance_id, "wa_id": wa_id} for instance_id, wa_id in messages]
    return either[0] if len(either) == 1 else {"$or": either}


def early_receipt(document: Mapping[str, Any]) -> EarlyReceipt:
    return EarlyReceipt(MessageStatus(document["status"]), tuple(document.get("sender", ())))
