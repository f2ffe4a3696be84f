"""Bookings: a partial unique index allows one open booking per contact, whoever writes at the same time."""

from datetime import datetime
from typing import Any

from services.router.rules.bookings import OPEN
from services.router.store.documents import from_document, to_document
from services.router.store.merging import MERGED
from shared.mongo import Database, DuplicateKeyError, IndexModel
from shared.records import Booking, BookingStatus

INDEXES = [
    IndexModel([("contact_id", 1)], unique=True, name="one_open", partialFilterExpression={"open": True}),
    IndexModel([("contact_id", 1), ("created_at", -1)], name="of_contact"),
    IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)], name="newest_first"),
]


class Bookings:
    def __init__(self, database: Database) -> None:
        self._bookings = database["bookings"]

    async def by_id(self, organization_id: str, booking_id: str) -> Booking | None:
        found = await self._bookings.find_one({"_id": booking_id, "organization_id": organization_id})
        return from_document(Booking, found) if found else None

    async def open_once(self, booking: Booking) -> Booking:
        """Store it when the contact has none open. The contact's open booking, or the stored one of this id, which a
        redelivery finds even after somebody closed it. Raises DuplicateKeyError when the open one closed just now."""
        opened = {"status": booking.status.value, "at": booking.created_at, "by": None}
        try:
            await self._bookings.insert_one(to_document(booking, open=True, history=[opened]))
        except DuplicateKeyError:
            mine_or_open: list[dict[str, Any]] = [{"_id": booking.id}, {"contact_id": booking.contact_id, "open": True}]
            found = [from_document(Booking, item) async for item in self._bookings.find({"$or": mine_or_open})]
            if not found:
                raise
            return next((item for item in found if item.id == booking.id), found[0])
        return booking

    async def cancelled_by(self, contact_id: str, cause: str) -> list[Booking]:
        """What had to end because this event showed that two contacts are one person."""
        wanted = {"contact_id": contact_id, "history": {"$elemMatch": {"reason": MERGED, "cause": cause}}}
        return [from_document(Booking, item) async for item in self._bookings.find(wanted)]

    async def change(self, before: Booking, status: BookingStatus, at: datetime, by: str | None) -> Booking | None:
        """Set the status; None when somebody else changed it meanwhile."""
        found = await self._bookings.find_one_and_update(
            {"_id": before.id, "status": before.status.value},
            {
                "$set": {"status": status.value, "open": status in OPEN, "updated_at": at},
                "$push": {"history": {"status": status.value, "at": at, "by": by}},
            },
            return_document=True,
        )
        return from_document(Booking, found) if found else None
