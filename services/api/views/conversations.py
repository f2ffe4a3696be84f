"""Reads of conversations, written by the router."""

from dataclasses import dataclass
from typing import Any

from services.api.views.pages import Page, PageRequest, own, read_page
from services.api.views.people import contact_of, contacts_by_id, matching
from shared.errors import Problem
from shared.mongo import Database, Document
from shared.records import Contact, ConversationRecord, ConversationStatus, Seen

_MOST_UNREAD = 1_000
"""More are not counted."""
_MOST_PEOPLE = 1_000
"""Of whom a search looks at the conversations."""


class Conversation(ConversationRecord):
    """A conversation with its contact."""

    contact: Contact | None = None


@dataclass(frozen=True)
class Filter:
    """Which conversations; None: whatever it is. `search`: part of the contact's name or number. `contact_ids`: only
    with these contacts, unless it is empty."""

    status: ConversationStatus | None = None
    assigned_to: str | None = None
    unread: bool | None = None
    search: str | None = None
    instance_ids: frozenset[str] | None = None
    contact_ids: tuple[str, ...] = ()


async def conversations(
    database: Database, organization_id: str, page: PageRequest, wanted: Filter
) -> tuple[list[Conversation], str | None]:
    """The liveliest first."""
    query = own(organization_id, wanted.instance_ids) | _fields(wanted)
    if (named := matching(wanted.search)) is not None:
        people = database.contacts.find({"organization_id": organization_id, **named}, {"_id": 1})
        found = await people.sort([("updated_at", -1), ("_id", -1)]).to_list(_MOST_PEOPLE)
        query["$and"] = [{"contact_id": {"$in": [person["_id"] for person in found]}}]
    page_of = await read_page(database.conversations, query, "order_key", page)
    return await _complete(database, organization_id, page_of), page_of.next_cursor


def _fields(wanted: Filter) -> dict[str, Any]:
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


async def conversation(
    database: Database, organization_id: str, conversation_id: str, instance_ids: frozenset[str] | None = None
) -> Conversation:
    """Raises Problem 404 `conversation_not_found`."""
    found = await database.conversations.find_one({"_id": conversation_id, **own(organization_id, instance_ids)})
    if found is None:
        raise Problem(404, "conversation_not_found", "there is no such conversation")
    return (await _complete(database, organization_id, Page([found], None)))[0]


async def with_contact(database: Database, record: ConversationRecord) -> Conversation:
    """As the router just told it."""
    mine = {"_id": record.contact_id, "organization_id": record.organization_id}
    person = await database.contacts.find_one(mine)
    return Conversation(**record.model_dump(), contact=contact_of(person) if person else None)


def seen_of(found: ConversationRecord) -> Seen:
    """How far somebody looked who sees the conversation as it was found."""
    return Seen(order_key=found.order_key or 0)


async def _complete(database: Database, organization_id: str, page: Page) -> list[Conversation]:
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
    """The contact's messages behind what was read, in one round trip."""
    if not ids:
        return {}
    mine: list[Document] = [{"$eq": ["$conversation_id", "$$talk"]}, {"$gt": ["$order_key", "$$read"]}]
    unread: list[Document] = [
        {"$match": {"direction": "inbound", "$expr": {"$and": mine}}},
        {"$limit": _MOST_UNREAD},
        {"$count": "messages"},
    ]
    until = {"talk": "$_id", "read": {"$ifNull": ["$read_key", -1]}}
    found = database.conversations.aggregate(
        [
            {"$match": {"_id": {"$in": ids}}},
            {"$lookup": {"from": "messages", "let": until, "pipeline": unread, "as": "unread"}},
            {"$project": {"count": {"$first": "$unread.messages"}}},
        ]
    )
    return {each["_id"]: each.get("count", 0) async for each in found}
