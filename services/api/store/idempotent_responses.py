"""Answers kept for a day by the Idempotency-Key of their request, so that a repetition is answered and not done."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from shared.contracts.errors import Problem
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.platform.mongo import Collection, DuplicateKeyError, IndexModel

RESPONSE_RETENTION = timedelta(hours=24)
REQUEST_LOCK_TIMEOUT = timedelta(minutes=2)
"""A request that is not answered by then died with its process: a repetition is done anew."""


@dataclass(frozen=True)
class StoredResponse:
    """`body` is None when it showed a secret, which is kept by nobody."""

    status: int
    media_type: str
    body: bytes | None


@dataclass(frozen=True)
class IdempotencyRecord:
    """A request that carries a key: the key's id here, and what tells another request apart."""

    id: str
    fingerprint: str


def idempotency_record(organization_id: str, subject: str, key: str, *request: str) -> IdempotencyRecord:
    """A key is its caller's own: another's key of the same name is another key."""
    return IdempotencyRecord(derived_id("answer", organization_id, subject, key), derived_id(*request))


class IdempotentResponses:
    """Collection `answers`."""

    INDEXES: ClassVar = {
        "answers": [IndexModel("created_at", expireAfterSeconds=int(RESPONSE_RETENTION.total_seconds()))]
    }

    def __init__(self, collection: Collection) -> None:
        self._responses = collection

    async def claim(self, claim: IdempotencyRecord) -> StoredResponse | None:
        """The answer given before; None: the request is the caller's to do, then `keep` or `release`.

        Raises Problem 422 `idempotency_conflict`, 409 `request_in_progress`.
        """
        now = utc_now()
        document = {
            "fingerprint": claim.fingerprint,
            "created_at": now,
            "locked_until": now + REQUEST_LOCK_TIMEOUT,
            "status": None,
        }
        try:
            await self._responses.insert_one({"_id": claim.id, **document})
            return None
        except DuplicateKeyError:
            dead = {"_id": claim.id, "fingerprint": claim.fingerprint, "status": None, "locked_until": {"$lt": now}}
            if await self._responses.find_one_and_update(dead, {"$set": document}):
                return None
        return await self._stored(claim)

    async def _stored(self, claim: IdempotencyRecord) -> StoredResponse:
        found = await self._responses.find_one({"_id": claim.id})
        if found and found["fingerprint"] != claim.fingerprint:
            detail = "this Idempotency-Key was used for another request; use a new key for a new request"
            raise Problem(422, "idempotency_conflict", detail)
        if found is None or found["status"] is None:
            detail = "the first request with this Idempotency-Key is not answered yet; ask again in a moment"
            raise Problem(409, "request_in_progress", detail, retry_after=1)
        return StoredResponse(found["status"], found["media_type"], found["body"])

    async def store(self, claim: IdempotencyRecord, answer: StoredResponse) -> None:
        """From now on repetitions are answered with it."""
        fields = {"status": answer.status, "media_type": answer.media_type, "body": answer.body}
        await self._responses.update_one({"_id": claim.id}, {"$set": fields})

    async def release(self, claim: IdempotencyRecord) -> None:
        """Nothing was done: a repetition may try again."""
        await self._responses.delete_one({"_id": claim.id, "status": None})
