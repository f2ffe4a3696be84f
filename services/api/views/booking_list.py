"""Reads of bookings, written by the router."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.api.views.contacts import contact_of, contacts_by_id
from services.api.views.list_search import (
    MAX_INDEXED_WORDS,
    SortedCollection,
    by_contact,
    matching_contacts,
    read_matching_page,
    search_condition,
    search_limits,
)
from services.api.views.pagination import DocumentPage, PageRequest, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.records import Booking, BookingStatus, Contact
from shared.platform.mongo import Database, Document
from shared.text.search_terms import Search, runs


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


async def find_bookings(
    database: Database, organization_id: str, page: PageRequest, wanted: BookingFilter
) -> tuple[list[BookingWithContact], str | None]:
    """Newest first."""
    query: dict[str, Any] = organization_query(organization_id, wanted.instance_ids)
    if wanted.status is not None:
        query["status"] = wanted.status.value
    if (search := Search.of(wanted.search)) is None:
        found = await read_page(database.bookings, query, "created_at", page)
    else:
        async with search_limits():
            found = await _search(database, query, page, search)
    known = await contacts_by_id(database, organization_id, [each["contact_id"] for each in found.documents])
    return [_with_contact(each, known.get(each["contact_id"])) for each in found.documents], found.next_cursor


async def _search(database: Database, query: dict[str, Any], page: PageRequest, search: Search) -> DocumentPage:
    organization_id: str = query["organization_id"]
    if not search.words:
        return DocumentPage([], None)
    wanted = await asyncio.gather(
        *(_has(database, organization_id, word) for word in search.longest(MAX_INDEXED_WORDS))
    )
    either: list[Document] = [] if None in wanted else [{"$and": [one for one in wanted if one]}]
    if search.number:
        people = await matching_contacts(database, organization_id, Search((search.number,)))
        either.append({} if people is None else {"contact_id": {"$in": people}})
    if not either:
        return DocumentPage([], None)
    keep = by_contact(database, organization_id, search, or_text=True)
    return await read_matching_page(
        SortedCollection(database.bookings, "created_at"), {**query, "$or": either}, page, keep
    )


async def _has(database: Database, organization_id: str, word: str) -> Document | None:
    """The bookings that may have the word in their text or in their contact's name or number; None: there are none."""
    people = await matching_contacts(database, organization_id, Search((word,)))
    if people is None:
        return {"_id": {"$exists": True}}
    text = await search_condition(database, organization_id, max(runs(word), key=len))
    either: list[Document] = [{"contact_id": {"$in": people}}] if people else []
    either += [text.query] if text else []
    return {"$or": either} if either else None


def _with_contact(document: Document, contact: Contact | None) -> BookingWithContact:
    return BookingWithContact.model_validate({**document, "id": document["_id"], "contact": contact})


async def get_booking(
    database: Database, organization_id: str, booking_id: str, instance_ids: frozenset[str] | None = None
) -> BookingWithHistory:
    """Raises Problem 404 `booking_not_found`."""
    found = await database.bookings.find_one({"_id": booking_id, **organization_query(organization_id, instance_ids)})
    if found is None:
        raise Problem(404, "booking_not_found", "there is no such booking")
    person = await database.contacts.find_one({"_id": found["contact_id"], "organization_id": organization_id})
    contact = contact_of(person) if person else None
    return BookingWithHistory.model_validate({**found, "id": found["_id"], "contact": contact})
