"""Idempotency keys of sends, kept for a day."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from shared.contracts.errors import Problem
from shared.contracts.ids import derived_id, new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import Collection, Document, DuplicateKeyError, IndexModel

SEND_KEY_RETENTION = timedelta(hours=24)


@dataclass(frozen=True)
class SendKey:
    """A key is its sender's own: another's key of the same name is another key. `kind`: an Idempotency-Key, or the
    client id of a chat front end."""

    organization_id: str
    subject: str
    kind: str
    key: str


class SendIdempotencyKeys:
    """Collection `idempotency_keys`: `_id` is derived from the key, `message_id` is the message it leads to."""

    INDEXES: ClassVar = {
        "idempotency_keys": [IndexModel("created_at", expireAfterSeconds=int(SEND_KEY_RETENTION.total_seconds()))]
    }

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def claim(self, key: SendKey, *request: str) -> str:
        """The message id of this key, a new one unless the key was used within the last day.

        Raises Problem 422 `idempotency_conflict` when it was used for another request.
        """
        known = await self._find_of_earlier_version(key) or await self._insert(key, derived_id(*request))
        if known is None:
            return await self.claim(key, *request)
        _require_same(known, request)
        return str(known["message_id"])

    async def find(self, key: SendKey, *request: str) -> str | None:
        """The message id of this key; None when it was not used within the last day. Writes nothing.

        Raises Problem 422 `idempotency_conflict` when it was used for another request.
        """
        fresh = {"_id": _id_of(key), "created_at": {"$gt": utc_now() - SEND_KEY_RETENTION}}
        known = await self._find_of_earlier_version(key) or await self._keys.find_one(fresh)
        if known is None:
            return None
        _require_same(known, request)
        return str(known["message_id"])

    async def _insert(self, key: SendKey, fingerprint: str) -> Document | None:
        """The stored document of the key, inserted unless there is one. None when MongoDB, which removes expired keys
        once a minute, removed it between the two steps."""
        now = utc_now()
        made = {
            "_id": _id_of(key),
            "fingerprint": fingerprint,
            "message_id": new_id(),
            "created_at": now,
        }
        try:
            await self._keys.insert_one(made)
        except DuplicateKeyError:
            await self._keys.delete_one({"_id": made["_id"], "created_at": {"$lte": now - SEND_KEY_RETENTION}})
            return await self._keys.find_one({"_id": made["_id"]})
        return made

    async def _find_of_earlier_version(self, key: SendKey) -> Document | None:
        """That version derived the message id from the key. Whoever repeats a send while Switchboard is updated means
        that message."""
        fresh = {"message_id": None, "created_at": {"$gt": utc_now() - SEND_KEY_RETENTION}}
        found = await self._keys.find_one({"_id": derived_id(key.organization_id, key.key), **fresh})
        return {**found, "message_id": found["_id"]} if found else None


def _id_of(key: SendKey) -> str:
    return derived_id("send key", key.organization_id, key.subject, key.kind, key.key)


def _require_same(known: Document, request: tuple[str, ...]) -> None:
    if known["fingerprint"] != derived_id(*request):
        detail = "this Idempotency-Key was used for another request; use a new key for a new message"
        raise Problem(422, "idempotency_conflict", detail)
