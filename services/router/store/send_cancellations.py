"""Expired texts that the session service has not begun to send: a document in `sends` keeps it from sending them."""

from datetime import datetime

from shared.contracts.records import MessageRecord
from shared.contracts.send_outcome import TEXT_TOO_LATE, TEXT_TOO_LATE_CODE
from shared.platform.mongo import Database, DuplicateKeyError


class SendCancellations:
    """Collection `sends` of the session service, which inserts a document before it hands a text to WhatsApp, and hands
    over none whose id is there already. So one of the two services decides, whatever their clocks say."""

    def __init__(self, database: Database) -> None:
        self._sends = database["sends"]

    async def cancel(self, message: MessageRecord, now: datetime) -> bool:
        """From now on the text is not sent any more. False when the session service has begun to send it:
        then that service reports the result. Repeatable."""
        document = {
            "_id": message.id,
            "organization_id": message.organization_id,
            "instance_id": message.instance_id,
            "at": now,
            "outcome": TEXT_TOO_LATE,
        }
        try:
            await self._sends.insert_one(document)
        except DuplicateKeyError:
            found = await self._sends.find_one({"_id": message.id}, {"outcome.code": 1})
            return bool(found and (found.get("outcome") or {}).get("code") == TEXT_TOO_LATE_CODE)
        return True
