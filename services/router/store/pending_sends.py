"""How many messages wait for WhatsApp. Counted anew at least once a second, and for every send above half of a limit;
between two counts this process adds its own sends. Sends that it is storing are counted by it alone, not by MongoDB."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.router.rules.send_checks import PendingLimits
from services.router.rules.stored_message import StoredMessage
from shared.contracts.records import MessageStatus
from shared.platform.mongo import Database, MongoQuery, collection_of
from shared.platform.operation_batcher import OperationBatcher

COUNT_LIFETIME_S = 1.0
MAX_ORGANIZATIONS = 20_000


@dataclass
class _Counts:
    """Queued messages of one organization, by instance. counted_at: monotonic seconds. left_out: ids of messages that
    were being stored then, and were not counted."""

    counted_at: float
    left_out: frozenset[str] = frozenset()
    by_instance: Counter[str] = field(default_factory=Counter)


class _StoringSend(NamedTuple):
    """A message that is being stored; one that is repeated at the same moment is there twice."""

    message_id: str
    instance_id: str


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
        self._counting: dict[str, _Counts] = {}
        """Counts that MongoDB is asked for, by organization."""
        self._storing: dict[str, list[_StoringSend]] = {}
        """By organization."""
        self._count = OperationBatcher(self._count_each)

    async def count(
        self, organization_id: str, instance_id: str, since: datetime, limits: PendingLimits
    ) -> tuple[int, int]:
        """The number of queued messages of the instance and of the organization, counted up to the limits."""
        counts = self._counts.get(organization_id)
        if counts is None or not self._is_usable(organization_id, counts, instance_id, limits):
            counts = await self._count(_CountRequest(organization_id, since, limits.per_organization))
            self._counts[organization_id] = counts
            self._counts.move_to_end(organization_id)
            if len(self._counts) > MAX_ORGANIZATIONS:
                self._counts.popitem(last=False)
        return self._with_stored(organization_id, counts, instance_id)

    @contextmanager
    def storing(self, organization_id: str, instance_id: str, message_id: str) -> Iterator[None]:
        """The message counts inside this block, and is stored as queued when the block ends without an exception. Enter
        it right after `count`, so that no other send is counted in between."""
        send = _StoringSend(message_id, instance_id)
        self._storing.setdefault(organization_id, []).append(send)
        is_stored = False
        try:
            yield
            is_stored = True
        finally:
            self._storing[organization_id].remove(send)
            if not self._storing[organization_id]:
                del self._storing[organization_id]
            if is_stored:
                self._add(organization_id, instance_id, message_id)

    def _add(self, organization_id: str, instance_id: str, message_id: str) -> None:
        if counts := self._counts.get(organization_id):
            counts.by_instance[instance_id] += 1
        counting = self._counting.get(organization_id)
        if counting and message_id in counting.left_out:
            counting.by_instance[instance_id] += 1

    def _with_stored(self, organization_id: str, counts: _Counts, instance_id: str) -> tuple[int, int]:
        storing = [send.instance_id for send in self._storing.get(organization_id, ())]
        return counts.by_instance[instance_id] + storing.count(instance_id), counts.by_instance.total() + len(storing)

    def _is_usable(self, organization_id: str, counts: _Counts, instance_id: str, limits: PendingLimits) -> bool:
        of_instance, of_organization = self._with_stored(organization_id, counts, instance_id)
        is_recent = self._clock() - counts.counted_at < COUNT_LIFETIME_S
        is_far_below = 2 * of_instance < limits.per_instance and 2 * of_organization < limits.per_organization
        return is_recent and is_far_below

    async def _count_each(self, requests: Sequence[_CountRequest]) -> list[_Counts]:
        by_organization = {request.organization_id: request for request in requests}
        counts = {organization_id: await self._count_one(one) for organization_id, one in by_organization.items()}
        return [counts[request.organization_id] for request in requests]

    async def _count_one(self, request: _CountRequest) -> _Counts:
        storing = self._storing.get(request.organization_id, ())
        counts = _Counts(self._clock(), frozenset(send.message_id for send in storing))
        query: MongoQuery = {"organization_id": request.organization_id, "status": MessageStatus.QUEUED.value}
        query["timestamp"] = {"$gte": request.since}
        if counts.left_out:
            query["_id"] = {"$nin": list(counts.left_out)}
        group = {"_id": "$instance_id", "count": {"$sum": 1}}
        found = self._messages.aggregate([{"$match": query}, {"$limit": request.most}, {"$group": group}])
        self._counting[request.organization_id] = counts
        try:
            async for item in found:
                counts.by_instance[item["_id"]] += item["count"]
        finally:
            del self._counting[request.organization_id]
        return counts
