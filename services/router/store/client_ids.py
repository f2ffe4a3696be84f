"""Client ids of senders: the same client id of the same sender means the same message, for 24 hours."""

from datetime import datetime, timedelta

from shared.contracts.ids import derived_id
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel

CLIENT_ID_RETENTION = timedelta(hours=24)
INDEXES = [IndexModel([("at", 1)], name="kept_for_a_day", expireAfterSeconds=int(CLIENT_ID_RETENTION.total_seconds()))]


class ClientIdClaims:
    """Collection `send_claims`: `_id` is derived from organization, sender and client id."""

    def __init__(self, database: Database) -> None:
        self._claims = database["send_claims"]

    async def claim(self, sender: tuple[str, str], client_id: str, message_id: str, at: datetime) -> str:
        """The id of the message with this client id: the one claimed within 24 hours, else `message_id` from now on.

        `sender`: organization and user id or key. Repeatable, also by several routers at once.
        """
        key = derived_id("client id", *sender, client_id)
        fresh = {"_id": key, "at": {"$gt": at - CLIENT_ID_RETENTION}}
        while True:
            try:
                found = await self._claims.find_one_and_update(
                    fresh, {"$setOnInsert": {"message_id": message_id, "at": at}}, upsert=True, return_document=True
                )
                return str(found["message_id"])
            except DuplicateKeyError:  # an expired one that MongoDB has not removed yet, or another router's
                await self._claims.delete_one({"_id": key, "at": {"$lte": at - CLIENT_ID_RETENTION}})
