"""Receipts of a message and replies to it that arrived before the message had its WhatsApp id, in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.router.store.early_receipts import EarlyReceipt, early_receipt, receipts_query
from services.router.store.revisions import MAX_QUOTES, Name, unresolved_quotes_query
from shared.contracts.records import MessageRecord
from shared.platform.documents import from_document
from shared.platform.mongo import Database
from shared.platform.operation_batcher import OperationBatcher


@dataclass(frozen=True)
class Arrivals:
    """`replies`: messages that quote it, and were not linked to it when they were stored."""

    receipts: list[EarlyReceipt] = field(default_factory=list)
    replies: list[MessageRecord] = field(default_factory=list)


class EarlyArrivals:
    def __init__(self, database: Database) -> None:
        self._receipts, self._load = database["receipts"], OperationBatcher(self._load_all)

    async def of_message(self, instance_id: str, wa_id: str) -> Arrivals:
        return await self._load((instance_id, wa_id))

    async def _load_all(self, names: Sequence[Name]) -> list[Arrivals]:
        found = await self._load_together(names)
        if sum(len(one.replies) for one in found.values()) >= MAX_QUOTES and len(found) > 1:
            # replies to one may hide those to others
            return [(await self._load_together([name]))[name] for name in names]
        return [found[name] for name in names]

    async def _load_together(self, names: Sequence[Name]) -> dict[Name, Arrivals]:
        replies = [{"$match": unresolved_quotes_query(names)}, {"$limit": MAX_QUOTES}]
        steps = [{"$match": receipts_query(names)}, {"$unionWith": {"coll": "messages", "pipeline": replies}}]
        found = {name: Arrivals() for name in names}
        async for one in self._receipts.aggregate(steps):
            if "quoted_wa_id" in one:
                reply = from_document(MessageRecord, one)
                found[reply.instance_id, str(reply.quoted_wa_id)].replies.append(reply)
            else:
                found[one["instance_id"], one["wa_id"]].receipts.append(early_receipt(one))
        return found
