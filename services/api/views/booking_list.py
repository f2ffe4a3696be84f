"""Reads bookings, which the router writes."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from services.api.views.contacts import contact_of, contacts_by_id
from services.api.views.list_search import (
    MAX_INDEXED_WORDS,
    contact_filter,
    matching_contacts,
    search_condition,
    search_limits,
)
from services.api.views.pagination import (
    PageRequest,
    RecordPage,
    SortedCollection,
    organization_query,
    read_matching_page,
    read_page,
)
from shared.contracts.errors import Problem
from shared.contracts.records import Booking, BookingStatus, Contact
from shared.platform.documents import from_document
from shared.platform.mongo import Database, Document, MongoQuery
from shared.text.search_terms import Search, runs


class BookingWithContact(Booking):
    """A booking with its contact."""

    contact: Contact | None = None


class BookingStep(BaseModel):
    """One change of a booking: its new status, when, by which user, and with which note.

    `by` is null for changes caused by a message; `reason` is a code, for automatic changes; `starts_at`: the time that
    was set with the change.
    """

    status: BookingStatus
    at: datetime
    by: str | None = None
    note: str | None = None
    starts_at: datetime | None = None
    reason: str | None = None


class BookingWithHistory(BookingWithContact):
    """`history`: all changes, oldest first."""

    history: tuple[BookingStep, ...] = ()


@dataclass(frozen=True)
class BookingFilter:
    """None: no filter. `search`: part of the contact's name or number, or of the booking's text."""

    status: BookingStatus | None = None
    search: str | None = None
    contact_id: str | None = None
    instance_ids: frozenset[str] | None = None


async def find_bookings(
    database: Database, organization_id: str, page: PageRequest, filters: BookingFilter
) -> tuple[list[BookingWithContact], str | None]:
    """Newest first."""
    query = organization_query(organization_id, filters.instance_ids)
    if filters.status is not None:
        query["status"] = filters.status.value
    if filters.contact_id is not None:
        query["contact_id"] = filters.contact_id
    if (search := Search.of(filters.search)) is None:
        result = await read_page(_newest_first(database), query, page)
    else:
        async with search_limits():
            result = await _search(database, query, page, search)
    contacts = await contacts_by_id(database, organization_id, [booking.contact_id for booking in result.records])
    bookings = [booking.model_copy(update={"contact": contacts.get(booking.contact_id)}) for booking in result.records]
    return bookings, result.next_cursor


def _newest_first(database: Database) -> SortedCollection[BookingWithContact]:
    return SortedCollection(database.bookings, "created_at", _without_contact)


def _without_contact(document: Document) -> BookingWithContact:
    return from_document(BookingWithContact, document, contact=None)


async def _search(
    database: Database, query: MongoQuery, page: PageRequest, search: Search
) -> RecordPage[BookingWithContact]:
    organization_id: str = query["organization_id"]
    if not search.words:
        return RecordPage([], None)
    words = search.longest(MAX_INDEXED_WORDS)
    word_queries = await asyncio.gather(*(_word_query(database, organization_id, word) for word in words))
    alternatives: list[MongoQuery] = [] if None in word_queries else [{"$and": [each for each in word_queries if each]}]
    if search.number:
        contact_ids = await matching_contacts(database, organization_id, Search((search.number,)))
        alternatives.append({} if contact_ids is None else {"contact_id": {"$in": contact_ids}})
    if not alternatives:
        return RecordPage([], None)
    has_words = contact_filter(database, organization_id, search, or_text=True)
    return await read_matching_page(_newest_first(database), {**query, "$or": alternatives}, page, has_words)


async def _word_query(database: Database, organization_id: str, word: str) -> MongoQuery | None:
    """A query for the bookings that may have the word in their text or in their contact's name or number; None when
    there are none."""
    contact_ids = await matching_contacts(database, organization_id, Search((word,)))
    if contact_ids is None:
        return {"_id": {"$exists": True}}
    text = await search_condition(database, organization_id, max(runs(word), key=len))
    alternatives: list[MongoQuery] = [{"contact_id": {"$in": contact_ids}}] if contact_ids else []
    alternatives += [text.query] if text else []
    return {"$or": alternatives} if alternatives else None


async def get_booking(
    database: Database, organization_id: str, booking_id: str, instance_ids: frozenset[str] | None = None
) -> BookingWithHistory:
    """Raises Problem 404 `booking_not_found`."""
    query = {"_id": booking_id, **organization_query(organization_id, instance_ids)}
    booking = await database.bookings.find_one(query)
    if booking is None:
        raise Problem(404, "booking_not_found", "there is no such booking")
    document = await database.contacts.find_one({"_id": booking["contact_id"], "organization_id": organization_id})
    contact = contact_of(document) if document else None
    return from_document(BookingWithHistory, booking, contact=contact)
