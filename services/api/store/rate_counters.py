"""Sliding-window counters of requests, in MongoDB for all replicas, by the database's clock."""

import math
from dataclasses import dataclass
from typing import ClassVar

from shared.platform.mongo import ONE_COPY, Collection, Document, DuplicateKeyError, IndexModel, MongoQuery

WINDOW_MS = 60_000


@dataclass(frozen=True)
class RateLimitResult:
    """A bucket after `take`. `taken`: at least one request was counted. `granted`: how many of several.
    `used`: requests in the sliding window. `count`, `previous`: in the current and the previous minute."""

    limit: int
    taken: bool
    used: float
    count: int
    previous: float
    elapsed_ms: int
    """Since the current minute began."""
    granted: int = 1

    @property
    def remaining(self) -> int:
        return max(0, math.floor(self.limit - self.used))

    @property
    def reset_s(self) -> int:
        """Seconds until the current minute ends."""
        return math.ceil((WINDOW_MS - self.elapsed_ms) / 1000)

    @property
    def retry_after_s(self) -> int:
        """Seconds until one more request is allowed."""
        free = self.limit - 1 - self.count
        if free >= 0 and self.previous > 0:
            wait_ms = WINDOW_MS - self.elapsed_ms - WINDOW_MS * free / self.previous
        else:
            wait_ms = WINDOW_MS - self.elapsed_ms + WINDOW_MS * (1 - (self.limit - 1) / max(1, self.count))
        return max(1, math.ceil(wait_ms / 1000))


class RateCounters:
    """Collection `rate_counters`: one document per bucket, with the counts of the current and the previous minute."""

    INDEXES: ClassVar = {"rate_counters": [IndexModel("expires_at", expireAfterSeconds=0)]}

    def __init__(self, collection: Collection) -> None:
        self._counters = collection.with_options(write_concern=ONE_COPY)

    async def take(self, bucket: str, limit: int, count: int = 1) -> RateLimitResult:
        """Count `count` requests, or as many as the limit allows."""
        try:
            return await self._take(bucket, limit, count)
        except DuplicateKeyError:  # another replica inserted the document first
            return await self._take(bucket, limit, count)

    async def _take(self, bucket: str, limit: int, count: int) -> RateLimitResult:
        document: Document = await self._counters.find_one_and_update(
            {"_id": bucket}, _pipeline(limit, count), upsert=True, return_document=True
        )
        granted = int(document["granted"])
        used, elapsed_ms = document["used"] + granted, document["at"] % WINDOW_MS
        return RateLimitResult(limit, granted > 0, used, document["count"], document["previous"], elapsed_ms, granted)


def _pipeline(limit: int, count: int) -> list[MongoQuery]:
    """The previous minute is weighted with the share of it that lies within the last 60 seconds."""
    same_minute: MongoQuery = {"$eq": ["$window", "$now"]}
    previous_minute: MongoQuery = {"$eq": ["$window", {"$subtract": ["$now", 1]}]}
    share: MongoQuery = {"$subtract": [1, {"$divide": [{"$mod": ["$at", WINDOW_MS]}, WINDOW_MS]}]}
    return [
        {"$set": {"at": {"$toLong": "$$NOW"}}},
        {"$set": {"now": {"$floor": {"$divide": ["$at", WINDOW_MS]}}}},
        {
            "$set": {
                "previous": {"$cond": [same_minute, "$previous", {"$cond": [previous_minute, "$count", 0]}]},
                "count": {"$cond": [same_minute, "$count", 0]},
                "window": "$now",
            }
        },
        {"$set": {"used": {"$add": ["$count", {"$multiply": ["$previous", share]}]}}},
        {"$set": {"granted": {"$max": [0, {"$min": [count, {"$floor": {"$subtract": [limit, "$used"]}}]}]}}},
        {"$set": {"count": {"$add": ["$count", "$granted"]}, "expires_at": {"$add": ["$$NOW", 2 * WINDOW_MS]}}},
    ]
