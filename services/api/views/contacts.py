"""Reads contacts, which the router writes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from services.api.views.list_search import contact_query, name_filter, search_limits
from services.api.views.pagination import (
    SORT_NAME,
    PageRequest,
    RecordPage,
    SortedCollection,
    read_matching_page,
    read_page,
)
from shared.contracts.errors import Problem
from shared.contracts.records import Contact, Record
from shared.platform.documents import from_document
from shared.platform.mongo import Database, Document
from shared.text.search_terms import Search

ContactSort = Literal["created_at", "name"]


def contact_of(document: Document) -> Contact:
    return from_document(Contact, document)


async def contacts_by_id(database: Database, organization_id: str, ids: Iterable[str]) -> dict[str, Contact]:
    """The existing contacts of the organization, by id."""
    query = {"_id": {"$in": sorted(set(ids))}, "organization_id": organization_id}
    return {document["_id"]: contact_of(document) async for document in database.contacts.find(query)}


async def find_contacts(
    database: Database, organization_id: str, search: str | None, page: PageRequest, sort: ContactSort = "created_at"
) -> tuple[list[Contact], str | None]:
    """Newest first, or by name. `search`: words; each must be part of a word of the name or of a number. Raises
    Problem 503 `search_timeout`."""
    query = {"organization_id": organization_id}
    contacts = SortedCollection(database.contacts, SORT_NAME if sort == "name" else sort, contact_of)
    if (parsed := Search.of(search)) is None:
        result = await read_page(contacts, query, page)
    elif not parsed.words:
        result = RecordPage([], None)
    else:
        async with search_limits():
            candidates = {**query, **contact_query(parsed)}
            result = await read_matching_page(contacts, candidates, page, name_filter(parsed))
    return result.records, result.next_cursor


class MergedContact(Record):
    """A contact that was merged into another one, as it was before."""

    id: str
    name: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    merged_at: datetime


class ContactWithMerges(Contact):
    """`merges`: contacts that were merged into this one and can be split off again."""

    merges: tuple[MergedContact, ...] = ()


async def get_contact(database: Database, organization_id: str, contact_id: str) -> ContactWithMerges:
    """Raises Problem 404 `contact_not_found`."""
    contact = await database.contacts.find_one({"_id": contact_id, "organization_id": organization_id})
    if contact is None:
        raise Problem(404, "contact_not_found", "there is no such contact")
    merges = [
        MergedContact.model_validate({**merge["was"], "id": merge["id"], "merged_at": merge["at"]})
        for merge in contact.get("merges", ())
        if "was" in merge
    ]
    return from_document(ContactWithMerges, contact, merges=merges)
