"""A booking as MongoDB stores it, with its history."""

from datetime import datetime
from typing import NotRequired, TypedDict

from shared.contracts.records import BookingStatus
from shared.platform.mongo import CollectionOf, Database, collection_of


class BookingStep(TypedDict):
    """A step of the history: what became of the booking, by whom, and the event or command (`cause`) or `reason` that
    led to it."""

    status: BookingStatus
    at: datetime
    by: str | None
    cause: NotRequired[str]
    reason: NotRequired[str]
    note: NotRequired[str]
    starts_at: NotRequired[datetime]


class StoredBooking(TypedDict):
    """A document of `bookings`: the fields of `Booking`, and those that only the router knows. `apart`: its own id when
    it is parallel to others. `moved_from`: the contact it belonged to before a merge."""

    _id: str
    organization_id: str
    instance_id: str
    contact_id: str
    status: BookingStatus
    open: bool
    apart: NotRequired[str | None]
    opened_by: NotRequired[str | None]
    history: list[BookingStep]
    search_terms: NotRequired[list[str]]
    moved_from: NotRequired[str]


def bookings_of(database: Database) -> CollectionOf[StoredBooking]:
    return collection_of(database, "bookings", StoredBooking)
