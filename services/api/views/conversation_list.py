"""Reads of conversations, written by the router."""

from dataclasses import dataclass
from typing import Any

from services.api.views.contacts import contact_of, contacts_by_id
from services.api.views.list_search import (
    MAX_QUERY_TIME_MS,
    SortedCollection,
    by_contact,
    matching_contacts,
    read_matching_page,
    search_limits,
)
from services.api.views.pagination import DocumentPage, PageRequest, ReadOptions, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.records import Contact, ConversationRecord, ConversationStatus, Seen
from shared.platform.mongo import Database
from shared.platform.unread_messages import unread_count_stages
from shared.text.search_terms import Search


class Conversation(ConversationRecord):
    """A conversation with its contact."""

    contact: Contact | None = None


@dataclass(frozen=True)
class ConversationFilter:
    """Which conversations; None: whatever it is. `search`: part of the contact's name or number. `contact_ids`: only
    with these contacts, unless it is empty."""

    status: ConversationStatus | None = None
    assigned_to: str | None = None
    unread: bool | None = None
    search: str | None = None
    instance_ids: frozenset[str] | None = None
    contact_ids: tuple[str, ...] = ()


async def find_conversations(
    database: Database, organization_id: str, page: PageRequest, wanted: ConversationFilter
) -> tuple[list[Conversation], str | None]:
    """The liveliest first. Raises Problem 503 `search_timeout`."""
    query = organization_query(organization_id, wanted.instance_ids) | _fields(wanted)
    if (search := Search.of(wanted.search)) is None:
        page_of = await read_page(database.conversations, query, "order_key", page)
    else:
        async with search_limits():
            page_of = await _of_people(database, query, page, search)
    return await _complete(database, organization_id, page_of), page_of.next_cursor


async def _of_people(database: Database, query: dict[str, Any], page: PageRequest, search: Search) -> DocumentPage:
    """Those of few people are looked up; where many match, what is walked through ends soon."""
    organization_id: str = query["organization_id"]
    people = await matching_contacts(database, organization_id, search)
    if people is None:
        by_name = by_contact(database, organization_id, search)
        return await read_matching_page(SortedCollection(database.conversations, "order_key"), query, page, by_name)
    query["$and"] = [{"contact_id": {"$in": people}}]
    return await read_page(database.conversations, query, "order_key", page, ReadOptions(MAX_QUERY_TIME_MS))


def _fields(wanted: ConversationFilter) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if wanted.status is not None:
        closed = ConversationStatus.CLOSED
        query["status"] = closed.value if wanted.status is closed else {"$ne": closed.value}
    if wanted.assigned_to is not None:
        query["assigned_to"] = wanted.assigned_to
    if wanted.unread is not None:
        query["unread"] = True if wanted.unread else {"$ne": True}
    if wanted.contact_ids:
        query["contact_id"] = {"$in": sorted(set(wanted.contact_ids))}
    return query


async def get_conversation(
    database: Database, organization_id: str, conversation_id: str, instance_ids: frozenset[str] | None = None
) -> Conversation:
    """Raises Problem 404 `conversation_not_found`."""
    found = await database.conversations.find_one(
        {"_id": conversation_id, **organization_query(organization_id, instance_ids)}
    )
    if found is None:
        raise Problem(404, "conversation_not_found", "there is no such conversation")
    return (await _complete(database, organization_id, DocumentPage([found], None)))[0]


async def with_contact(database: Database, record: ConversationRecord) -> Conversation:
    """As the router just told it."""
    mine = {"_id": record.contact_id, "organization_id": record.organization_id}
    person = await database.contacts.find_one(mine)
    return Conversation(**record.model_dump(), contact=contact_of(person) if person else None)


def seen_of(found: ConversationRecord) -> Seen:
    """How far somebody looked who sees the conversation as it was found."""
    return Seen(order_key=found.order_key or 0)


async def _complete(database: Database, organization_id: str, page: DocumentPage) -> list[Conversation]:
    """With contacts, and how many messages are unread."""
    known = await contacts_by_id(database, organization_id, [each["contact_id"] for each in page.documents])
    counts = await _unread_counts(database, [found["_id"] for found in page.documents if found.get("unread")])
    return [
        Conversation.model_validate(
            {**found, "id": found["_id"], "contact": known.get(found["contact_id"])}
            | {"unread_count": counts.get(found["_id"], 0)}
        )
        for found in page.documents
    ]


async def _unread_counts(database: Database, ids: list[str]) -> dict[str, int]:
    """By conversation, in one round trip."""
    if not ids:
        return {}
    counts = database.conversations.aggregate([{"$match": {"_id": {"$in": ids}}}, *unread_count_stages()])
    return {each["_id"]: each.get("count", 0) async for each in counts}
