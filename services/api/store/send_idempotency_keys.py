"""Idempotency keys of sends: the same key within SEND_KEY_RETENTION is the same message."""

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
    """Keys belong to their caller: the same key of another caller is a different one. `kind`: `key` for an
    Idempotency-Key, `client id` for the client id of a chat front end."""

    organization_id: str
    subject: str
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class _StoredKey:
    """`fingerprint`: of the request that used the key first."""

    fingerprint: str
    message_id: str


class SendIdempotencyKeys:
    """Collection `idempotency_keys`. `_id` is derived from the key; `message_id` is the message that was sent with
    it."""

    INDEXES: ClassVar = {
        "idempotency_keys": [IndexModel("created_at", expireAfterSeconds=int(SEND_KEY_RETENTION.total_seconds()))]
    }

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def claim(self, key: SendKey, *request: str) -> str:
        """The message id of this key; a new one if the key was not used within SEND_KEY_RETENTION.

        Raises Problem 422 `idempotency_conflict` when it was used for another request.
        """
        stored = await self._find_of_earlier_version(key) or await self._insert(key, derived_id(*request))
        if stored is None:
            return await self.claim(key, *request)
        _require_same(stored, request)
        return stored.message_id

    async def find(self, key: SendKey, *request: str) -> str | None:
        """The message id of this key; None if it was not used within SEND_KEY_RETENTION. Writes nothing.

        Raises Problem 422 `idempotency_conflict` when it was used for another request.
        """
        query = {"_id": _id_of(key), "created_at": {"$gt": utc_now() - SEND_KEY_RETENTION}}
        stored = await self._find_of_earlier_version(key) or _stored_key(await self._keys.find_one(query))
        if stored is None:
            return None
        _require_same(stored, request)
        return stored.message_id

    async def _insert(self, key: SendKey, fingerprint: str) -> _StoredKey | None:
        """Insert the key, or return its existing document. None when MongoDB, which deletes expired keys once a minute,
        deleted it between the two steps."""
        now = utc_now()
        document = {
            "_id": _id_of(key),
            "fingerprint": fingerprint,
            "message_id": new_id(),
            "created_at": now,
        }
        try:
            await self._keys.insert_one(document)
        except DuplicateKeyError:
            await self._keys.delete_one({"_id": document["_id"], "created_at": {"$lte": now - SEND_KEY_RETENTION}})
            return _stored_key(await self._keys.find_one({"_id": document["_id"]}))
        return _stored_key(document)

    async def _find_of_earlier_version(self, key: SendKey) -> _StoredKey | None:
        """A key of an earlier version, which derived the message id from the key: a send may be repeated during an
        update."""
        query = {"message_id": None, "created_at": {"$gt": utc_now() - SEND_KEY_RETENTION}}
        stored = await self._keys.find_one({"_id": derived_id(key.organization_id, key.key), **query})
        return _StoredKey(stored["fingerprint"], str(stored["_id"])) if stored else None


def _id_of(key: SendKey) -> str:
    return derived_id("send key", key.organization_id, key.subject, key.kind, key.key)


def _stored_key(document: Document | None) -> _StoredKey | None:
    return _StoredKey(document["fingerprint"], str(document["message_id"])) if document else None


def _require_same(stored: _StoredKey, request: tuple[str, ...]) -> None:
    if stored.fingerprint != derived_id(*request):
        detail = "this Idempotency-Key was used for another request; use a new key for a new message"
        raise Problem(422, "idempotency_conflict", detail)
