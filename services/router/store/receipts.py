"""Receipts that came before we knew which message they are about; read once the message has its WhatsApp id."""

from datetime import datetime, timedelta

from shared.mongo import Database, IndexModel
from shared.records import MessageStatus

KEPT = timedelta(days=2)
INDEXES = [
    IndexModel([("instance_id", 1), ("wa_id", 1)], name="of_message"),
    IndexModel([("at", 1)], name="kept_for_a_while", expireAfterSeconds=int(KEPT.total_seconds())),
]


class Receipts:
    def __init__(self, database: Database) -> None:
        self._receipts = database["receipts"]

    async def keep(self, instance_id: str, wa_id: str, status: MessageStatus, at: datetime) -> None:
        """Repeatable."""
        key = f"{instance_id}:{wa_id}:{status.value}"
        receipt = {"instance_id": instance_id, "wa_id": wa_id, "status": status.value, "at": at}
        await self._receipts.update_one({"_id": key}, {"$setOnInsert": receipt}, upsert=True)

    async def of(self, instance_id: str, wa_id: str) -> list[MessageStatus]:
        cursor = self._receipts.find({"instance_id": instance_id, "wa_id": wa_id})
        return [MessageStatus(receipt["status"]) async for receipt in cursor]
