"""How much was asked lately, counted in MongoDB for all replicas by the database's own clock."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.platform.mongo import ONE_COPY, Collection, Document, DuplicateKeyError, IndexModel

WINDOW_MS = 60_000
"""Milliseconds."""


@dataclass(frozen=True)
class RateLimitResult:
    """A bucket after a request. `used`: requests in the sliding window, without this one when it was not `taken`.

    `granted`: how many of several were taken."""

    limit: int
    taken: bool
    used: float
    count: int
    previous: float
    elapsed_ms: int
    """Milliseconds since the present window began."""
    granted: int = 1

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self.limit - self.used))

    @property
    def reset_s(self) -> int:
        """Seconds until the present window ends."""
        return math.ceil((WINDOW_MS - self.elapsed_ms) / 1000)

    @property
    def retry_after_s(self) -> int:
        """Seconds until one more request fits."""
        room = self.limit - 1 - self.count
        if room >= 0 and self.previous > 0:
            wait = WINDOW_MS - self.elapsed_ms - WINDOW_MS * room / self.previous
        else:
            wait = WINDOW_MS - self.elapsed_ms + WINDOW_MS * (1 - (self.limit - 1) / max(1, self.count))
        return max(1, math.ceil(wait / 1000))


class RateCounters:
    """Collection `rate_counters`: one document per bucket, with the counts of the present minute and the one before."""

    INDEXES: ClassVar = {"rate_counters": [IndexModel("expires_at", expireAfterSeconds=0)]}

    def __init__(self, collection: Collection) -> None:
        self._counters = collection.with_options(write_concern=ONE_COPY)

    async def take(self, bucket: str, limit: int, count: int = 1) -> RateLimitResult:
        """Count one request, unless the bucket is full; of several as many as fit."""
        try:
            found = await self._step(bucket, limit, count)
        except DuplicateKeyError:  # another replica made the document first
            found = await self._step(bucket, limit, count)
        granted = int(found["granted"])
        used, elapsed = found["used"] + granted, found["at"] % WINDOW_MS
        return RateLimitResult(limit, granted > 0, used, found["count"], found["previous"], elapsed, granted)

    async def _step(self, bucket: str, limit: int, count: int) -> Document:
        found: Document = await self._counters.find_one_and_update(
            {"_id": bucket}, _pipeline(limit, count), upsert=True, return_document=True
        )
        return found


def _pipeline(limit: int, wanted: int) -> list[Document]:
    """The minute before counts with the share of it that still lies within the last 60 seconds."""
    same: Any = {"$eq": ["$window", "$now"]}
    next_one: Any = {"$eq": ["$window", {"$subtract": ["$now", 1]}]}
    share: Any = {"$subtract": [1, {"$divide": [{"$mod": ["$at", WINDOW_MS]}, WINDOW_MS]}]}
    return [
        {"$set": {"at": {"$toLong": "$$NOW"}}},
        {"$set": {"now": {"$floor": {"$divide": ["$at", WINDOW_MS]}}}},
        {
            "$set": {
                "previous": {"$cond": [same, "$previous", {"$cond": [next_one, "$count", 0]}]},
                "count": {"$cond": [same, "$count", 0]},
                "window": "$now",
            }
        },
        {"$set": {"used": {"$add": ["$count", {"$multiply": ["$previous", share]}]}}},
        {"$set": {"granted": {"$max": [0, {"$min": [wanted, {"$floor": {"$subtract": [limit, "$used"]}}]}]}}},
        {"$set": {"count": {"$add": ["$count", "$granted"]}, "expires_at": {"$add": ["$$NOW", 2 * WINDOW_MS]}}},
    ]
