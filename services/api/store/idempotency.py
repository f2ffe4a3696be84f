"""Idempotency keys of sends, kept for a day."""

from datetime import timedelta
from typing import ClassVar

from shared.errors import Problem
from shared.ids import derived_id
from shared.message import utc_now
from shared.mongo import Collection, DuplicateKeyError, IndexModel

KEPT = timedelta(hours=24)


class IdempotencyKeys:
    """Collection `idempotency_keys`: `_id` is the message id the key leads to."""

    INDEXES: ClassVar = {"idempotency_keys": [IndexModel("created_at", expireAfterSeconds=int(KEPT.total_seconds()))]}

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def claim(self, organization_id: str, key: str, *request: str) -> tuple[str, bool]:
        """The message id of this key, and whether the key was used before.

        Raises Problem 422 `idempotency_conflict` when it was used for another request.
        """
        message_id, fingerprint = derived_id(organization_id, key), derived_id(*request)
        try:
            await self._keys.insert_one({"_id": message_id, "fingerprint": fingerprint, "created_at": utc_now()})
        except DuplicateKeyError:
            known = await self._keys.find_one({"_id": message_id})
            if known and known["fingerprint"] != fingerprint:
                detail = "this Idempotency-Key was used for another request; use a new key for a new message"
                raise Problem(422, "idempotency_conflict", detail) from None
            return message_id, True
        return message_id, False
