"""Responses that are stored for RESPONSE_RETENTION by the Idempotency-Key of their request, so that a repeated request
is not carried out again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from shared.contracts.errors import Problem
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.platform.mongo import Collection, DuplicateKeyError, IndexModel

RESPONSE_RETENTION = timedelta(hours=24)
REQUEST_LOCK_TIMEOUT = timedelta(minutes=2)
"""After this time without a response, the process of the request is presumed dead, and a repetition is carried out."""


@dataclass(frozen=True)
class StoredResponse:
    """`body` is None when it contained a secret, which is not stored."""

    status: int
    media_type: str
    body: bytes | None


@dataclass(frozen=True)
class IdempotencyRecord:
    """A request with an Idempotency-Key. `id`: derived from the key and its caller. `fingerprint`: of the request."""

    id: str
    fingerprint: str


def idempotency_record(organization_id: str, subject: str, key: str, *request: str) -> IdempotencyRecord:
    """Keys belong to their caller: the same key of another caller is a different one."""
    return IdempotencyRecord(derived_id("answer", organization_id, subject, key), derived_id(*request))


class IdempotentResponses:
    """Collection `answers`."""

    INDEXES: ClassVar = {
        "answers": [IndexModel("created_at", expireAfterSeconds=int(RESPONSE_RETENTION.total_seconds()))]
    }

    def __init__(self, collection: Collection) -> None:
        self._responses = collection

    async def claim(self, record: IdempotencyRecord) -> StoredResponse | None:
        """The stored response of an earlier request; None: the caller carries the request out, then calls `store` or
        `release`.

        Raises Problem 422 `idempotency_conflict`, 409 `request_in_progress`.
        """
        now = utc_now()
        document = {
            "fingerprint": record.fingerprint,
            "created_at": now,
            "locked_until": now + REQUEST_LOCK_TIMEOUT,
            "status": None,
        }
        try:
            await self._responses.insert_one({"_id": record.id, **document})
            return None
        except DuplicateKeyError:
            abandoned = {
                "_id": record.id,
                "fingerprint": record.fingerprint,
                "status": None,
                "locked_until": {"$lt": now},
            }
            if await self._responses.find_one_and_update(abandoned, {"$set": document}):
                return None
        return await self._stored(record)

    async def _stored(self, record: IdempotencyRecord) -> StoredResponse:
        stored = await self._responses.find_one({"_id": record.id})
        if stored and stored["fingerprint"] != record.fingerprint:
            detail = "this Idempotency-Key was used for another request; use a new key for a new request"
            raise Problem(422, "idempotency_conflict", detail)
        if stored is None or stored["status"] is None:
            detail = "the first request with this Idempotency-Key is not answered yet; ask again in a moment"
            raise Problem(409, "request_in_progress", detail, retry_after=1)
        return StoredResponse(stored["status"], stored["media_type"], stored["body"])

    async def store(self, record: IdempotencyRecord, response: StoredResponse) -> None:
        """Repeated requests are answered with this response from now on."""
        fields = {"status": response.status, "media_type": response.media_type, "body": response.body}
        await self._responses.update_one({"_id": record.id}, {"$set": fields})

    async def release(self, record: IdempotencyRecord) -> None:
        """The request was not carried out: a repetition may try again."""
        await self._responses.delete_one({"_id": record.id, "status": None})
