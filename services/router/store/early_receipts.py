"""Receipts that arrived before their message had its WhatsApp id; read when it gets it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.records import MessageStatus
from shared.platform.mongo import Database, IndexModel

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

    async def save(self, instance_id: str, wa_id: str, receipt: EarlyReceipt, at: datetime) -> None:
        """Repeatable."""
        key = ":".join((instance_id, wa_id, receipt.status.value, *receipt.sender))
        fields = {"instance_id": instance_id, "wa_id": wa_id, "at": at}
        fields |= {"status": receipt.status.value, "sender": list(receipt.sender)}
        await self._receipts.update_one({"_id": key}, {"$setOnInsert": fields}, upsert=True)

    async def of_message(self, instance_id: str, wa_id: str) -> list[EarlyReceipt]:
        cursor = self._receipts.find({"instance_id": instance_id, "wa_id": wa_id})
        return [EarlyReceipt(MessageStatus(one["status"]), tuple(one.get("sender", ()))) async for one in cursor]
