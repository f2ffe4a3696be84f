"""Reads of bookings, written by the router."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.api.views.pages import PageRequest, own, read_page
from services.api.views.people import contact_of, contacts_by_id, matching
from shared.errors import Problem
from shared.mongo import Database, Document
from shared.records import Booking, BookingStatus, Contact

_MOST_PEOPLE = 1_000
"""Of whom a search looks at the bookings."""


class BookingWithContact(Booking):
    """A booking with its contact."""

    contact: Contact | None = None


class BookingStep(BaseModel):
    """What was done to a booking: the status it had from then on, when, by which user, and what was said about it.

    `by` is null for what a message did; `reason` is a code, for what happened by itself; `starts_at`: the time that
    was set with it.
    """

    status: BookingStatus
    at: datetime
    by: str | None = None
    note: str | None = None
    starts_at: datetime | None = None
    reason: str | None = None


class BookingWithHistory(BookingWithContact):
    """`history`: everything that was done to it, oldest first."""

    history: tuple[BookingStep, ...] = ()


@dataclass(frozen=True)
class BookingFilter:
    """Which bookings; None: whatever it is. `search`: part of the contact's name or number, or of the text."""

    status: BookingStatus | None = None
    search: str | None = None
    instance_ids: frozenset[str] | None = None


async def bookings(
    database: Database, organization_id: str, page: PageRequest, wanted: BookingFilter
) -> tuple[list[BookingWithContact], str | None]:
    """Newest first."""
    query: dict[str, Any] = own(organization_id, wanted.instance_ids)
    if wanted.status is not None:
        query["status"] = wanted.status.value
    if (named := matching(wanted.search)) is not None:
        people = database.contacts.find({"organization_id": organization_id, **named}, {"_id": 1})
        ids = [person["_id"] for person in await people.to_list(_MOST_PEOPLE)]
        text = {"$regex": re.escape((wanted.search or "").strip()), "$options": "i"}
        query["$or"] = [{"contact_id": {"$in": ids}}, {"text": text}]
    found = await read_page(database.bookings, query, "created_at", page)
    known = await contacts_by_id(database, organization_id, [each["contact_id"] for each in found.documents])
    return [_with_contact(each, known.get(each["contact_id"])) for each in found.documents], found.next_cursor


def _with_contact(document: Document, contact: Contact | None) -> BookingWithContact:
    return BookingWithContact.model_validate({**document, "id": document["_id"], "contact": contact})


async def booking(
    database: Database, organization_id: str, booking_id: str, instance_ids: frozenset[str] | None = None
) -> BookingWithHistory:
    """Raises Problem 404 `booking_not_found`."""
    found = await database.bookings.find_one({"_id": booking_id, **own(organization_id, instance_ids)})
    if found is None:
        raise Problem(404, "booking_not_found", "there is no such booking")
    person = await database.contacts.find_one({"_id": found["contact_id"], "organization_id": organization_id})
    contact = contact_of(person) if person else None
    return BookingWithHistory.model_validate({**found, "id": found["_id"], "contact": contact})
