"""Failed logins and until when the next one has to wait, in MongoDB for all replicas, by the database's clock."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.platform.mongo import ONE_COPY, Collection, Document, DuplicateKeyError, IndexModel

RESET_AFTER_MS = 3_600_000
"""Failures are forgotten this long after the newest one."""
FIRST_DELAY_MS = 1_000
_MAX_DOUBLINGS = 20


@dataclass(frozen=True)
class LoginBucket:
    """`failures`: how many are free of delay. Then the delay doubles from FIRST_DELAY_MS up to `max_delay_ms`."""

    name: str
    free_failures: int
    max_delay_ms: int


@dataclass(frozen=True)
class BucketAttempt:
    """An attempt of a bucket. `wait_s`: 0 when it may be carried out."""

    bucket: LoginBucket
    wait_s: int
    next_attempt_at_ms: int


class LoginAttempts:
    """Collection `login_attempts`: one document per account, address or known device."""

    INDEXES: ClassVar = {"login_attempts": [IndexModel("expires_at", expireAfterSeconds=0)]}

    def __init__(self, collection: Collection) -> None:
        self._attempts = collection.with_options(write_concern=ONE_COPY)

    async def take(self, bucket: LoginBucket) -> BucketAttempt:
        """Count an attempt as failed, from its start, so that many at the same time gain nothing; or say how long it
        has to wait, and count nothing."""
        try:
            found = await self._step(bucket)
        except DuplicateKeyError:  # another replica made the document first
            found = await self._step(bucket)
        wait_s = 0 if found["taken"] else max(1, math.ceil((found["next_at"] - found["at"]) / 1000))
        return BucketAttempt(bucket, wait_s, found["next_at"])

    async def refund(self, taken: BucketAttempt) -> None:
        """The attempt was no failure: it counts no more, and the delay it brought is over."""
        mine = {"$eq": ["$next_at", taken.next_attempt_at_ms]}
        change = {
            "failures": {"$max": [0, {"$subtract": ["$failures", 1]}]},
            "next_at": {"$cond": [mine, 0, "$next_at"]},
        }
        await self._attempts.update_one({"_id": taken.bucket.name}, [{"$set": change}])

    async def reset(self, bucket: LoginBucket) -> None:
        """All failures of a bucket."""
        await self._attempts.delete_one({"_id": bucket.name})

    async def _step(self, bucket: LoginBucket) -> Document:
        found: Document = await self._attempts.find_one_and_update(
            {"_id": bucket.name}, _pipeline(bucket), upsert=True, return_document=True
        )
        return found


def _pipeline(bucket: LoginBucket) -> list[Document]:
    counts: Any = {"$gt": ["$expires_at", "$$NOW"]}
    doublings: Any = {"$min": [_MAX_DOUBLINGS, {"$subtract": ["$failures", bucket.free_failures]}]}
    growing: Any = {"$min": [bucket.max_delay_ms, {"$multiply": [FIRST_DELAY_MS, {"$pow": [2, doublings]}]}]}
    # free of delay: 0 and not the present time, which is later than that of another attempt that began before
    until: Any = {"$cond": [{"$lt": ["$failures", bucket.free_failures]}, 0, {"$toLong": {"$add": ["$at", growing]}}]}
    return [
        {
            "$set": {
                "at": {"$toLong": "$$NOW"},
                "failures": {"$cond": [counts, "$failures", 0]},
                "next_at": {"$cond": [counts, "$next_at", 0]},
            }
        },
        {"$set": {"taken": {"$lte": ["$next_at", "$at"]}}},
        {"$set": {"failures": {"$add": ["$failures", {"$cond": ["$taken", 1, 0]}]}}},
        {
            "$set": {
                "next_at": {"$cond": ["$taken", until, "$next_at"]},
                "expires_at": {"$cond": ["$taken", {"$add": ["$$NOW", RESET_AFTER_MS]}, "$expires_at"]},
            }
        },
    ]
