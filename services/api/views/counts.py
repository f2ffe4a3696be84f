"""Counts of conversations and bookings for the filters of their lists."""

import asyncio

from pydantic import BaseModel

from services.api.views.pagination import organization_query
from shared.contracts.records import BookingStatus, ConversationStatus
from shared.platform.mongo import Collection, Database, MongoQuery

MAX_COUNT = 100_000
"""Counting stops here."""
InstanceIds = frozenset[str] | None


class ConversationCounts(BaseModel):
    """`unread`: with unread messages, whatever the status. `mine`: open, and assigned to the caller. At most 100,000
    of each are counted."""

    open: int
    unread: int
    mine: int
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
        _count(collection, query | is_open),
        _count(collection, query | {"unread": True}),
        _count(collection, query | is_open | {"assigned_to": user_id}) if user_id else _zero(),
        _count(collection, query | {"status": closed}),
    )
    return ConversationCounts(open=counts[0], unread=counts[1], mine=counts[2], closed=counts[3])


async def count_bookings(database: Database, organization_id: str, instance_ids: InstanceIds = None) -> BookingCounts:
    query = organization_query(organization_id, instance_ids)
    collection = database["bookings"]
    counts = await asyncio.gather(*(_count(collection, query | {"status": status.value}) for status in BookingStatus))
    return BookingCounts.model_validate(dict(zip(BookingStatus, counts, strict=True)))


async def _count(collection: Collection, query: MongoQuery) -> int:
    return await collection.count_documents(query, limit=MAX_COUNT)


async def _zero() -> int:
    return 0
