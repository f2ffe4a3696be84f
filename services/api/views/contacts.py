"""Reads of contacts, written by the router."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from services.api.views.list_search import (
    CandidateFilter,
    SortedCollection,
    contact_query,
    read_matching_page,
    search_limits,
)
from services.api.views.pagination import SORT_NAME, DocumentPage, PageRequest, read_page
from shared.contracts.errors import Problem
from shared.contracts.records import Contact, Record
from shared.platform.mongo import Database, Document
from shared.text.search_terms import Search

ContactSort = Literal["created_at", "name"]


def contact_of(document: Document) -> Contact:
    return Contact.model_validate({**document, "id": document["_id"]})


async def contacts_by_id(database: Database, organization_id: str, ids: Iterable[str]) -> dict[str, Contact]:
    """Those of the organization that are there."""
    wanted = {"_id": {"$in": sorted(set(ids))}, "organization_id": organization_id}
    return {document["_id"]: contact_of(document) async for document in database.contacts.find(wanted)}


async def find_contacts(
    database: Database, organization_id: str, search: str | None, page: PageRequest, sort: ContactSort = "created_at"
) -> tuple[list[Contact], str | None]:
    """Newest first, or by name. `search`: words, each of which must be a part of a word of the name or of a number.
    Raises Problem 503 `search_timeout`."""
    wanted = {"organization_id": organization_id}
    sorted_by = SORT_NAME if sort == "name" else sort
    if (parsed := Search.of(search)) is None:
        found = await read_page(database.contacts, wanted, sorted_by, page)
    elif not parsed.words:
        found = DocumentPage([], None)
    else:
        async with search_limits():
            listing, query = SortedCollection(database.contacts, sorted_by), {**wanted, **contact_query(parsed)}
            found = await read_matching_page(listing, query, page, _by_words(parsed))
    return [contact_of(document) for document in found.documents], found.next_cursor


def _by_words(search: Search) -> CandidateFilter:
    async def keep(documents: list[Document]) -> list[Document]:
        return [each for each in documents if search.matches_contact(each)]

    return keep


class MergedContact(Record):
    """A contact that turned out to be the same person, as it was then."""

    id: str
    name: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    merged_at: datetime


class ContactWithMerges(Contact):
    """`merges`: those that can be taken apart again."""

    merges: tuple[MergedContact, ...] = ()


async def get_contact(database: Database, organization_id: str, contact_id: str) -> ContactWithMerges:
    """Raises Problem 404 `contact_not_found`."""
    found = await database.contacts.find_one({"_id": contact_id, "organization_id": organization_id})
    if found is None:
        raise Problem(404, "contact_not_found", "there is no such contact")
    merged = [item for item in found.get("merges", ()) if "was" in item]
    merges = [
        MergedContact.model_validate({**item["was"], "id": item["id"], "merged_at": item["at"]}) for item in merged
    ]
    return ContactWithMerges.model_validate({**found, "id": found["_id"], "merges": merges})
