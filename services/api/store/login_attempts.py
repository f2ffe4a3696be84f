"""Counts failed logins and delays the next one; in MongoDB for all replicas, by the database's clock."""

import math
from dataclasses import dataclass
from typing import ClassVar

from shared.platform.mongo import ONE_COPY, Collection, Document, DuplicateKeyError, IndexModel, MongoQuery

RESET_AFTER_MS = 3_600_000
"""Failures are reset this long after the newest one."""
FIRST_DELAY_MS = 1_000
_MAX_DOUBLINGS = 20


@dataclass(frozen=True)
class LoginBucket:
    """`free_failures`: failures without a delay. Then the delay doubles from FIRST_DELAY_MS up to `max_delay_ms`."""

    name: str
    free_failures: int
    max_delay_ms: int


@dataclass(frozen=True)
class BucketAttempt:
    """The result of `take`. `wait_s`: 0 when the attempt may be carried out."""

    bucket: LoginBucket
    wait_s: int
    next_attempt_at_ms: int


class LoginAttempts:
    """Collection `login_attempts`: one document per account, address or known device."""

    INDEXES: ClassVar = {"login_attempts": [IndexModel("expires_at", expireAfterSeconds=0)]}

    def __init__(self, collection: Collection) -> None:
        self._attempts = collection.with_options(write_concern=ONE_COPY)

    async def take(self, bucket: LoginBucket) -> BucketAttempt:
        """Count an attempt as failed before it is carried out, so that concurrent attempts gain nothing. An attempt
        that has to wait is not counted."""
        try:
            return await self._take(bucket)
        except DuplicateKeyError:  # another replica inserted the document first
            return await self._take(bucket)

    async def refund(self, attempt: BucketAttempt) -> None:
        """The attempt did not fail: no longer count it, and remove the delay it caused."""
        is_latest = {"$eq": ["$next_at", attempt.next_attempt_at_ms]}
        change = {
            "failures": {"$max": [0, {"$subtract": ["$failures", 1]}]},
            "next_at": {"$cond": [is_latest, 0, "$next_at"]},
        }
        await self._attempts.update_one({"_id": attempt.bucket.name}, [{"$set": change}])

    async def reset(self, bucket: LoginBucket) -> None:
        """Delete all failures of a bucket."""
        await self._attempts.delete_one({"_id": bucket.name})

    async def _take(self, bucket: LoginBucket) -> BucketAttempt:
        document: Document = await self._attempts.find_one_and_update(
            {"_id": bucket.name}, _pipeline(bucket), upsert=True, return_document=True
        )
        wait_s = 0 if document["taken"] else max(1, math.ceil((document["next_at"] - document["at"]) / 1000))
        return BucketAttempt(bucket, wait_s, document["next_at"])


def _pipeline(bucket: LoginBucket) -> list[MongoQuery]:
    is_current: MongoQuery = {"$gt": ["$expires_at", "$$NOW"]}
    doublings: MongoQuery = {"$min": [_MAX_DOUBLINGS, {"$subtract": ["$failures", bucket.free_failures]}]}
    delay_ms: MongoQuery = {"$min": [bucket.max_delay_ms, {"$multiply": [FIRST_DELAY_MS, {"$pow": [2, doublings]}]}]}
    # without a delay: 0 instead of the current time, which would delay a concurrent attempt that began earlier
    next_at: MongoQuery = {
        "$cond": [{"$lt": ["$failures", bucket.free_failures]}, 0, {"$toLong": {"$add": ["$at", delay_ms]}}]
    }
    return [
        {
            "$set": {
                "at": {"$toLong": "$$NOW"},
                "failures": {"$cond": [is_current, "$failures", 0]},
                "next_at": {"$cond": [is_current, "$next_at", 0]},
            }
        },
        {"$set": {"taken": {"$lte": ["$next_at", "$at"]}}},
        {"$set": {"failures": {"$add": ["$failures", {"$cond": ["$taken", 1, 0]}]}}},
        {
            "$set": {
                "next_at": {"$cond": ["$taken", next_at, "$next_at"]},
                "expires_at": {"$cond": ["$taken", {"$add": ["$$NOW", RESET_AFTER_MS]}, "$expires_at"]},
            }
        },
    ]
