"""Reads of contacts, written by the router."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.api.views.pages import PageRequest, read_page
from shared.errors import Problem
from shared.mongo import Database, Document
from shared.records import Contact, Record


def contact_of(document: Document) -> Contact:
    return Contact.model_validate({**document, "id": document["_id"]})


async def contacts_by_id(database: Database, organization_id: str, ids: Iterable[str]) -> dict[str, Contact]:
    """Those of the organization that are there."""
    wanted = {"_id": {"$in": sorted(set(ids))}, "organization_id": organization_id}
    return {document["_id"]: contact_of(document) async for document in database.contacts.find(wanted)}


def matching(search: str | None) -> dict[str, Any] | None:
    """The query for contacts with this part of the name or of the number; None when nothing is searched for.

    Raises Problem 422 for what MongoDB cannot search for.
    """
    text = (search or "").strip()
    if "\x00" in text:
        raise Problem(422, "validation_failed", "search: control characters are not allowed here")
    if not text:
        return None
    either: list[dict[str, Any]] = [{"name": {"$regex": re.escape(text), "$options": "i"}}]
    if digits := re.sub(r"[\s()+./-]", "", text):
        either.append({"phone_number": {"$regex": re.escape(digits)}})
    return {"$or": either}


async def contacts(
    database: Database, organization_id: str, search: str | None, page: PageRequest
) -> tuple[list[Contact], str | None]:
    """Newest first; `search` matches part of the name or of the number."""
    wanted = {"organization_id": organization_id} | (matching(search) or {})
    found = await read_page(database.contacts, wanted, "created_at", page)
    return [contact_of(document) for document in found.documents], found.next_cursor


class Merge(Record):
    """A contact that turned out to be the same person, as it was then."""

    id: str
    name: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    merged_at: datetime


class ContactWithMerges(Contact):
    """`merges`: those that can be taken apart again."""

    merges: tuple[Merge, ...] = ()


async def contact(database: Database, organization_id: str, contact_id: str) -> ContactWithMerges:
    """Raises Problem 404 `contact_not_found`."""
    found = await database.contacts.find_one({"_id": contact_id, "organization_id": organization_id})
    if found is None:
        raise Problem(404, "contact_not_found", "there is no such contact")
    merged = [item for item in found.get("merges", ()) if "was" in item]
    merges = [Merge.model_validate({**item["was"], "id": item["id"], "merged_at": item["at"]}) for item in merged]
    return ContactWithMerges.model_validate({**found, "id": found["_id"], "merges": merges})
