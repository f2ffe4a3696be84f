"""Counts of conversations and bookings for the filters of their lists."""

import asyncio

from pydantic import BaseModel

from services.api.views.index_hints import read_by_index
from services.api.views.pagination import organization_query
from shared.contracts.records import BookingStatus, ConversationStatus
from shared.platform.mongo import Collection, Database, MongoQuery

MAX_COUNT = 100_000
"""Counting stops here."""
_STATUS_INDEX = "by_status_and_assignee"
InstanceIds = frozenset[str] | None


class ConversationCounts(BaseModel):
    """`all`: the same as `open`. `unread`: with unread messages, whatever the status. `mine`: open, and assigned to the
    caller. `unassigned`: open, and assigned to nobody. At most 100,000 of each are counted."""

    all: int
    open: int
    unread: int
    mine: int
    unassigned: int
    closed: int


class BookingCounts(BaseModel):
    """By status; at most 100,000 of each are counted."""

    pending: int
    confirmed: int
    completed: int
    cancelled: int
    no_show: int


async def count_conversations(
    database: Database, organization_id: str, user_id: str | None, instance_ids: InstanceIds = None
) -> ConversationCounts:
    query = organization_query(organization_id, instance_ids)
    closed = ConversationStatus.CLOSED.value
    is_open: MongoQuery = {"status": {"$ne": closed}}
    collection = database["conversations"]
    counts = await asyncio.gather(
        _count_in_index(collection, query | is_open),
        _count(collection, query | {"unread": True}),
        _count_in_index(collection, query | is_open | {"assigned_to": user_id}) if user_id else _zero(),
        _count_in_index(collection, query | is_open | {"assigned_to": None}),
        _count_in_index(collection, query | {"status": closed}),
    )
    all_open, unread, mine, unassigned, count_of_closed = counts
    return ConversationCounts(
        all=all_open, open=all_open, unread=unread, mine=mine, unassigned=unassigned, closed=count_of_closed
    )


async def count_bookings(database: Database, organization_id: str, instance_ids: InstanceIds = None) -> BookingCounts:
    query = organization_query(organization_id, instance_ids)
    collection = database["bookings"]
    counts = await asyncio.gather(*(_count(collection, query | {"status": status.value}) for status in BookingStatus))
    return BookingCounts.model_validate(dict(zip(BookingStatus, counts, strict=True)))


async def _count(collection: Collection, query: MongoQuery) -> int:
    return await collection.count_documents(query, limit=MAX_COUNT)


async def _count_in_index(collection: Collection, query: MongoQuery) -> int:
    """Conversations by status, instance and assignee, all of which this index has."""
    return await read_by_index(_STATUS_INDEX, lambda hint: collection.count_documents(query, limit=MAX_COUNT, **hint))


async def _zero() -> int:
    return 0
