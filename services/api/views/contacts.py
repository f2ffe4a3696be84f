"""Reads contacts, which the router writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.api.views.index_hints import read_by_index
from services.api.views.list_search import (
    all_of,
    contact_filter,
    contact_query,
    matching_contacts,
    name_filter,
    search_limits,
)
from services.api.views.pagination import (
    SORT_NAME,
    Candidate,
    CandidateFilter,
    PageRequest,
    SortedCollection,
    read_matching_page,
    read_page,
)
from shared.contracts.errors import Problem
from shared.contracts.records import Contact, Record
from shared.platform.documents import from_document
from shared.platform.mongo import Database, Document, MongoQuery
from shared.text.search_terms import Search

ContactSort = Literal["created_at", "name", "last_message_at"]


def contact_of(document: Document) -> Contact:
    return from_document(Contact, document)


async def contacts_by_id(database: Database, organization_id: str, ids: Iterable[str]) -> dict[str, Contact]:
    """The existing contacts of the organization, by id."""
    query = {"_id": {"$in": sorted(set(ids))}, "organization_id": organization_id}
    return {document["_id"]: contact_of(document) async for document in database.contacts.find(query)}


class ListedContact(Contact):
    """`last_message_at`: when the newest message of any conversation with the contact arrived or was sent; null without
    one."""

    last_message_at: datetime | None = None


def listed_contact_of(document: Document) -> ListedContact:
    return from_document(ListedContact, document)


async def find_contacts(
    database: Database, organization_id: str, search: str | None, page: PageRequest, sort: ContactSort = "created_at"
) -> tuple[list[ListedContact], str | None]:
    """Newest first, by name, or those with the newest message first, without those that have none. `search`: words;
    each must be part of a word of the name or of a number. Raises Problem 503 `search_timeout`."""
    query, parsed = {"organization_id": organization_id}, Search.of(search)
    if parsed is not None and not parsed.words:
        return [], None
    if sort == "last_message_at":
        return await _by_last_message(database, query, parsed, page)
    contacts = SortedCollection(database.contacts, SORT_NAME if sort == "name" else sort, listed_contact_of)
    if parsed is None:
        result = await read_page(contacts, query, page)
    else:
        async with search_limits():
            candidates = {**query, **contact_query(parsed)}
            result = await read_matching_page(contacts, candidates, page, name_filter(parsed))
    times = await _last_message_times(database, organization_id, [contact.id for contact in result.records])
    return [
        contact.model_copy(update={"last_message_at": times.get(contact.id)}) for contact in result.records
    ], result.next_cursor


async def _last_message_times(database: Database, organization_id: str, contact_ids: list[str]) -> dict[str, datetime]:
    """By contact."""
    mine = {"contact_id": {"$in": contact_ids}, "organization_id": organization_id}
    newest = {"$group": {"_id": "$contact_id", "at": {"$max": "$updated_at"}}}
    found = await _grouped_conversations(database, [{"$match": mine}, newest])
    return {each["_id"]: each["at"] for each in found}


async def _grouped_conversations(database: Database, pipeline: list[MongoQuery]) -> list[Document]:
    """Of some contacts: MongoDB might read all conversations of the organization instead."""
    return await read_by_index(
        "of_contact", lambda hint: database.conversations.aggregate(pipeline, **hint).to_list(None)
    )


@dataclass(frozen=True)
class _NewestConversation:
    contact_id: str
    updated_at: datetime


async def _by_last_message(
    database: Database, query: MongoQuery, search: Search | None, page: PageRequest
) -> tuple[list[ListedContact], str | None]:
    """In the order of the conversations, each contact at the place of its newest one."""
    organization_id: str = query["organization_id"]
    newest_first = SortedCollection(database.conversations, "order_key", _newest_conversation)
    filters = [_newest_of_contact_filter(database, organization_id)]
    async with search_limits():
        contact_ids = await matching_contacts(database, organization_id, search) if search else None
        if contact_ids is not None:
            query = {**query, "contact_id": {"$in": contact_ids}}
        elif search:
            filters.append(contact_filter(database, organization_id, search))
        result = await read_matching_page(newest_first, query, page, all_of(filters))
    contacts = await contacts_by_id(database, organization_id, [each.contact_id for each in result.records])
    return [
        ListedContact(**contacts[each.contact_id].model_dump(), last_message_at=each.updated_at)
        for each in result.records
        if each.contact_id in contacts
    ], result.next_cursor


def _newest_conversation(document: Document) -> _NewestConversation:
    return _NewestConversation(document["contact_id"], document["updated_at"])


def _newest_of_contact_filter(database: Database, organization_id: str) -> CandidateFilter:
    """Conversations that are the newest of their contact, so that each contact is listed once."""

    async def matching(candidates: Sequence[Candidate]) -> list[bool]:
        ids = sorted({each["contact_id"] for each in candidates})
        mine = {"contact_id": {"$in": ids}, "organization_id": organization_id}
        newest_first = {"$sort": {"order_key": -1, "_id": -1}}
        first = {"$group": {"_id": "$contact_id", "conversation_id": {"$first": "$_id"}}}
        found = await _grouped_conversations(database, [{"$match": mine}, newest_first, first])
        newest = {each["_id"]: each["conversation_id"] for each in found}
        return [newest.get(each["contact_id"]) == each["_id"] for each in candidates]

    return matching


class MergedContact(Record):
    """A contact that was merged into another one, as it was before."""

    id: str
    name: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    merged_at: datetime


class ContactWithMerges(ListedContact):
    """`merges`: contacts that were merged into this one and can be split off again."""

    merges: tuple[MergedContact, ...] = ()


async def require_contact(database: Database, organization_id: str, contact_id: str) -> None:
    """Raises Problem 404 `contact_not_found`."""
    query = {"_id": contact_id, "organization_id": organization_id}
    if await database.contacts.find_one(query, {"_id": 1}) is None:
        raise _unknown_contact()


def _unknown_contact() -> Problem:
    return Problem(404, "contact_not_found", "there is no such contact")


async def get_contact(database: Database, organization_id: str, contact_id: str) -> ContactWithMerges:
    """Raises Problem 404 `contact_not_found`."""
    contact = await database.contacts.find_one({"_id": contact_id, "organization_id": organization_id})
    if contact is None:
        raise _unknown_contact()
    merges = [
        MergedContact.model_validate({**merge["was"], "id": merge["id"], "merged_at": merge["at"]})
        for merge in contact.get("merges", ())
        if "was" in merge
    ]
    times = await _last_message_times(database, organization_id, [contact_id])
    return from_document(ContactWithMerges, contact, merges=merges, last_message_at=times.get(contact_id))
