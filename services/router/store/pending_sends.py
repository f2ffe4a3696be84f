"""How many messages wait for WhatsApp. Counted anew at least once a second, and for every send above half of a limit;
between two counts this process adds its own sends."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.router.rules.send_checks import PendingLimits
from services.router.rules.stored_message import StoredMessage
from shared.contracts.records import MessageStatus
from shared.platform.mongo import Database, MongoQuery, collection_of
from shared.platform.operation_batcher import OperationBatcher

COUNT_LIFETIME_S = 1.0
MAX_ORGANIZATIONS = 20_000


@dataclass
class _Counts:
    """Queued messages of one organization, by instance. counted_at: monotonic seconds."""

    counted_at: float
    by_instance: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.by_instance.total()


@dataclass(frozen=True)
class _CountRequest:
    organization_id: str
    since: datetime
    most: int


class PendingSends:
    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._messages = collection_of(database, "messages", StoredMessage)
        self._clock = clock
        self._counts: OrderedDict[str, _Counts] = OrderedDict()
        self._count = OperationBatcher(self._count_each)

    async def count(
        self, organization_id: str, instance_id: str, since: datetime, limits: PendingLimits
    ) -> tuple[int, int]:
        """The number of queued messages of the instance and of the organization, counted up to the limits."""
        counts = self._counts.get(organization_id)
        if counts is None or not self._is_usable(counts, instance_id, limits):
            counts = await self._count(_CountRequest(organization_id, since, limits.per_organization))
            self._counts[organization_id] = counts
            self._counts.move_to_end(organization_id)
            if len(self._counts) > MAX_ORGANIZATIONS:
                self._counts.popitem(last=False)
        return counts.by_instance[instance_id], counts.total

    def add(self, organization_id: str, instance_id: str) -> None:
        """A message was queued."""
        if counts := self._counts.get(organization_id):
            counts.by_instance[instance_id] += 1

    def _is_usable(self, counts: _Counts, instance_id: str, limits: PendingLimits) -> bool:
        is_recent = self._clock() - counts.counted_at < COUNT_LIFETIME_S
        is_far_below = (
            2 * counts.by_instance[instance_id] < limits.per_instance and 2 * counts.total < limits.per_organization
        )
        return is_recent and is_far_below

    async def _count_each(self, requests: Sequence[_CountRequest]) -> list[_Counts]:
        counts = {request.organization_id: await self._count_one(request) for request in requests}
        return [counts[request.organization_id] for request in requests]

    async def _count_one(self, request: _CountRequest) -> _Counts:
        query: MongoQuery = {"organization_id": request.organization_id, "status": MessageStatus.QUEUED.value}
        query["timestamp"] = {"$gte": request.since}
        group = {"_id": "$instance_id", "count": {"$sum": 1}}
        counts = _Counts(self._clock())
        async for item in self._messages.aggregate([{"$match": query}, {"$limit": request.most}, {"$group": group}]):
            counts.by_instance[item["_id"]] = item["count"]
        return counts
