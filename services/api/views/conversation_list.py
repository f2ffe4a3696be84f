"""Reads conversations, which the router writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.api.views.contacts import contact_of, contacts_by_id
from services.api.views.list_search import (
    contact_filter,
    matching_contacts,
    search_limits,
)
from services.api.views.pagination import (
    MAX_QUERY_TIME_MS,
    PageRequest,
    RecordPage,
    SortedCollection,
    organization_query,
    read_matching_page,
    read_page,
)
from shared.contracts.errors import Problem
from shared.contracts.records import Contact, ConversationRecord, ConversationStatus, Seen
from shared.platform.documents import from_document
from shared.platform.mongo import Database, Document, MongoQuery
from shared.platform.unread_messages import unread_count_stages
from shared.text.search_terms import Search

NOBODY = "none"
"""In place of the id of an assignee; no user has this id."""


class Conversation(ConversationRecord):
    """A conversation with its contact."""

    contact: Contact | None = None


@dataclass(frozen=True)
class _ListedConversation:
    """Without contact and unread count, which are read for all conversations of a page at once."""

    conversation: Conversation
    is_unread: bool


@dataclass(frozen=True)
class ConversationFilter:
    """None: no filter. `assigned_to`: a user id, or NOBODY. `search`: part of the contact's name or number.
    `contact_ids`: only conversations with these contacts, unless it is empty."""

    status: ConversationStatus | None = None
    assigned_to: str | None = None
    unread: bool | None = None
    search: str | None = None
    instance_ids: frozenset[str] | None = None
    contact_ids: tuple[str, ...] = ()


async def find_conversations(
    database: Database, organization_id: str, page: PageRequest, filters: ConversationFilter
) -> tuple[list[Conversation], str | None]:
    """Those with the newest message first. Raises Problem 503 `search_timeout`."""
    query = organization_query(organization_id, filters.instance_ids) | _filter_query(filters)
    if (search := Search.of(filters.search)) is None:
        result = await read_page(_newest_message_first(database), query, page)
    else:
        async with search_limits():
            result = await _search(database, query, page, search)
    return await _complete(database, organization_id, result.records), result.next_cursor


def _newest_message_first(database: Database) -> SortedCollection[_ListedConversation]:
    return SortedCollection(database.conversations, "order_key", _listed)


def _listed(document: Document) -> _ListedConversation:
    conversation = from_document(Conversation, document, contact=None, unread_count=0)
    return _ListedConversation(conversation, bool(document.get("unread")))


async def _search(
    database: Database, query: MongoQuery, page: PageRequest, search: Search
) -> RecordPage[_ListedConversation]:
    """Up to MAX_MATCHING_CONTACTS contacts are looked up first. When more match, conversations are scanned in order,
    and the page is full soon."""
    organization_id: str = query["organization_id"]
    contact_ids = await matching_contacts(database, organization_id, search)
    if contact_ids is None:
        has_words = contact_filter(database, organization_id, search)
        return await read_matching_page(_newest_message_first(database), query, page, has_words)
    query["$and"] = [{"contact_id": {"$in": contact_ids}}]
    return await read_page(_newest_message_first(database), query, page, MAX_QUERY_TIME_MS)


def _filter_query(filters: ConversationFilter) -> MongoQuery:
    query: MongoQuery = {}
    if filters.status is not None:
        closed = ConversationStatus.CLOSED
        query["status"] = closed.value if filters.status is closed else {"$ne": closed.value}
    if filters.assigned_to is not None:
        query["assigned_to"] = None if filters.assigned_to == NOBODY else filters.assigned_to
    if filters.unread is not None:
        query["unread"] = True if filters.unread else {"$ne": True}
    if filters.contact_ids:
        query["contact_id"] = {"$in": sorted(set(filters.contact_ids))}
    return query


async def get_conversation(
    database: Database, organization_id: str, conversation_id: str, instance_ids: frozenset[str] | None = None
) -> Conversation:
    """Raises Problem 404 `conversation_not_found`."""
    query = {"_id": conversation_id, **organization_query(organization_id, instance_ids)}
    conversation = await database.conversations.find_one(query)
    if conversation is None:
        raise Problem(404, "conversation_not_found", "there is no such conversation")
    return (await _complete(database, organization_id, [_listed(conversation)]))[0]


async def with_contact(database: Database, record: ConversationRecord) -> Conversation:
    """A conversation from an event of the router, with its contact."""
    query = {"_id": record.contact_id, "organization_id": record.organization_id}
    contact = await database.contacts.find_one(query)
    return Conversation(**record.model_dump(), contact=contact_of(contact) if contact else None)


def seen_of(conversation: ConversationRecord) -> Seen:
    """What a user has seen who sees this state of the conversation."""
    return Seen(order_key=conversation.order_key or 0)


async def _complete(
    database: Database, organization_id: str, listed: Sequence[_ListedConversation]
) -> list[Conversation]:
    """With contacts and unread counts."""
    contacts = await contacts_by_id(database, organization_id, [each.conversation.contact_id for each in listed])
    counts = await _unread_counts(database, [each.conversation.id for each in listed if each.is_unread])
    return [
        conversation.model_copy(
            update={
                "contact": contacts.get(conversation.contact_id),
                "unread_count": counts.get(conversation.id, 0),
            }
        )
        for conversation in (each.conversation for each in listed)
    ]


async def _unread_counts(database: Database, ids: list[str]) -> dict[str, int]:
    """By conversation, in one round trip."""
    if not ids:
        return {}
    counts = database.conversations.aggregate([{"$match": {"_id": {"$in": ids}}}, *unread_count_stages()])
    return {each["_id"]: each.get("count", 0) async for each in counts}
