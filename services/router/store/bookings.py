"""Bookings: a partial unique index allows one open booking per contact, however many routers write at once.

Where an organization wants several, the others are parallel: their field `apart` has their own id, which makes their
key of the index unique (docs/decisions/0021).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self, cast

from services.router.rules.booking_status import OPEN_STATUSES
from services.router.store.contact_merge import MERGE_REASON
from services.router.store.recent_contacts import RecentContacts
from services.router.store.search_vocabulary import SearchVocabulary
from services.router.store.stored_booking import BookingStep, StoredBooking, bookings_of
from shared.contracts.commands import ChangeBooking, CreateBooking, RescheduleBooking
from shared.contracts.records import Booking, BookingStatus
from shared.platform.documents import from_document, to_document
from shared.platform.mongo import (
    ClientSession,
    Database,
    DuplicateKeyError,
    IndexModel,
    MongoQuery,
    MongoUpdate,
    in_transaction,
)
from shared.platform.operation_batcher import OperationBatcher, insert_each
from shared.text.search_terms import terms_of

INDEXES = [
    IndexModel(
        [("contact_id", 1), ("apart", 1)],
        unique=True,
        name="one_open_or_apart",
        partialFilterExpression={"open": True},
    ),
    IndexModel([("contact_id", 1), ("created_at", -1)], name="of_contact"),
    IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)], name="newest_first"),
    IndexModel(
        [("organization_id", 1), ("instance_id", 1), ("created_at", -1), ("_id", -1)], name="newest_of_instance"
    ),
    IndexModel([("organization_id", 1), ("status", 1), ("created_at", -1), ("_id", -1)], name="by_status"),
    IndexModel([("organization_id", 1), ("search_terms", 1), ("created_at", -1), ("_id", -1)], name="by_term"),
]
RETIRED = ("one_open",)
"""Indexes of earlier versions, which allowed no parallel bookings."""

BookingCommand = CreateBooking | ChangeBooking | RescheduleBooking


@dataclass(frozen=True)
class BookingChange:
    """A change of a booking by a user's command, as its history has it. `cause`: the command's id."""

    status: BookingStatus
    at: datetime
    cause: str
    by: str | None = None
    note: str | None = None
    starts_at: datetime | None = None

    @classmethod
    def of(
        cls, command: BookingCommand, status: BookingStatus, at: datetime, starts_at: datetime | None = None
    ) -> Self:
        """The change that a command makes. `status`: of the booking after it."""
        return cls(status, at, command.id, command.by, command.note, starts_at)


class Bookings:
    def __init__(self, database: Database, vocabulary: SearchVocabulary, recent: RecentContacts) -> None:
        self._database, self._bookings, self._vocabulary = database, bookings_of(database), vocabulary
        self._insert, self._recent = OperationBatcher(partial(insert_each, self._bookings)), recent

    async def find(self, organization_id: str, booking_id: str, cause: str) -> tuple[Booking, bool] | None:
        """The booking, and whether the command `cause` changed it already."""
        found = await self._bookings.find_one({"_id": booking_id, "organization_id": organization_id})
        if found is None:
            return None
        return from_document(Booking, found), any(step.get("cause") == cause for step in found["history"])

    async def open_once(self, booking: Booking, *, parallel: bool = False) -> Booking:
        """Store it unless the contact has an open booking; `parallel`: store it besides those.

        Returns the contact's open booking, or the stored one of this id, which a redelivery finds even after somebody
        closed it. Raises DuplicateKeyError when the open booking was closed just now."""
        opened: BookingStep = {"status": booking.status, "at": booking.created_at, "by": None}
        new = _new(booking, opened, parallel=parallel)
        await self._vocabulary.add((booking.organization_id, term) for term in new["search_terms"])
        try:
            await self._insert(new)
        except DuplicateKeyError:
            if there := await self._existing(booking):
                return there
            raise
        finally:
            self._forget(booking)
        return booking

    async def create(self, booking: Booking, opened: BookingChange, *, parallel: bool) -> Booking | None:
        """Store the booking a user asked for; `parallel`: besides open ones.

        Returns the existing booking when this command stored it before, or when the contact has an open one. None when
        there is no such contact. Raises DuplicateKeyError when the existing one was closed just now."""
        person = {"_id": booking.contact_id, "organization_id": booking.organization_id}
        in_the_way: list[MongoQuery] = [{"_id": booking.id}]
        if not parallel:
            in_the_way.append({"contact_id": booking.contact_id, "open": True})

        new = _new(booking, _step(opened), parallel=parallel)
        await self._vocabulary.add((booking.organization_id, term) for term in new["search_terms"])

        async def work(session: ClientSession) -> Booking | None:
            there = await self._bookings.find({"$or": in_the_way}, session=session).to_list(None)
            if there:
                mine = [item for item in there if item["_id"] == booking.id]
                return from_document(Booking, (mine or there)[0])
            # a write to the contact conflicts with a merge of it at the same time
            touched = {"$set": {"booked_at": booking.created_at}}
            if not (await self._database["contacts"].update_one(person, touched, session=session)).matched_count:
                return None
            await self._bookings.insert_one(new, session=session)
            return booking

        try:
            return await in_transaction(self._database, work)
        except DuplicateKeyError:
            if there := await self._existing(booking):
                return there
            raise
        finally:
            self._forget(booking)

    async def _existing(self, booking: Booking) -> Booking | None:
        """The booking with this id, else the contact's open one."""
        mine_or_open: list[MongoQuery] = [
            {"_id": booking.id},
            {"contact_id": booking.contact_id, "open": True, "apart": None},
        ]
        found = [from_document(Booking, item) async for item in self._bookings.find({"$or": mine_or_open})]
        return next((item for item in found if item.id == booking.id), found[0] if found else None)

    async def cancelled_by(self, contact_id: str, cause: str) -> list[Booking]:
        """Bookings that were cancelled because this event merged two contacts."""
        query = {"contact_id": contact_id, "history": {"$elemMatch": {"reason": MERGE_REASON, "cause": cause}}}
        return [from_document(Booking, item) async for item in self._bookings.find(query)]

    async def change(self, before: Booking, change: BookingChange) -> Booking | None:
        """Change it and add the change to its history. None when somebody else changed its status meanwhile."""
        fields: MongoUpdate = {
            "status": change.status.value,
            "open": change.status in OPEN_STATUSES,
            "updated_at": change.at,
        }
        if change.starts_at:
            fields["starts_at"] = change.starts_at
        found = await self._bookings.find_one_and_update(
            {"_id": before.id, "status": before.status.value},
            {"$set": fields, "$push": {"history": _step(change)}},
            return_document=True,
        )
        self._forget(before)
        return from_document(Booking, found) if found else None

    def _forget(self, booking: Booking) -> None:
        self._recent.forget([booking.contact_id] if booking.contact_id else [])


def _new(booking: Booking, opened: BookingStep, *, parallel: bool) -> StoredBooking:
    document = to_document(booking, open=True, history=[opened], search_terms=terms_of(booking.text))
    new = cast(StoredBooking, document)
    if parallel:
        new["apart"] = booking.id
    return new


def _step(change: BookingChange) -> BookingStep:
    step: BookingStep = {"status": change.status, "at": change.at, "by": change.by, "cause": change.cause}
    if change.note is not None:
        step["note"] = change.note
    if change.starts_at is not None:
        step["starts_at"] = change.starts_at
    return step
