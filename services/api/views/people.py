"""Reads of contacts and conversations, written by the router."""

import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from services.api.views.pages import Page, PageRequest, own, read_page
from shared.errors import Problem
from shared.mongo import Database, Document
from shared.records import Contact


class LastMessage(BaseModel):
    id: str
    text: str | None = None
    type: str = "text"
    direction: str
    timestamp: datetime


class Conversation(BaseModel):
    """What one instance and one contact said to each other."""

    id: str
    organization_id: str
    instance_id: str
    contact_id: str
    contact: Contact | None = None
    last_message: LastMessage | None = None
    updated_at: datetime


def contact_of(document: Document) -> Contact:
    return Contact.model_validate({**document, "id": document["_id"]})


async def contacts(
    database: Database, organization_id: str, search: str | None, page: PageRequest
) -> tuple[list[Contact], str | None]:
    """Newest first; `search` matches part of the name or of the number."""
    wanted: dict[str, Any] = {"organization_id": organization_id}
    if search and (text := search.strip()):
        wanted["$or"] = [{"name": {"$regex": re.escape(text), "$options": "i"}}]
        if digits := re.sub(r"[\s()+./-]", "", text):
            wanted["$or"].append({"phone_number": {"$regex": re.escape(digits)}})
    found = await read_page(database.contacts, wanted, "created_at", page)
    return [contact_of(document) for document in found.documents], found.next_cursor


async def contact(database: Database, organization_id: str, contact_id: str) -> Contact:
    """Raises Problem 404 `contact_not_found`."""
    found = await database.contacts.find_one({"_id": contact_id, "organization_id": organization_id})
    if found is None:
        raise Problem(404, "contact_not_found", "there is no such contact")
    return contact_of(found)


async def conversations(
    database: Database, organization_id: str, page: PageRequest, instance_ids: frozenset[str] | None
) -> tuple[list[Conversation], str | None]:
    """The liveliest first, of these instances or all."""
    wanted = own(organization_id, instance_ids)
    found = await read_page(database.conversations, wanted, "updated_at", page)
    return await _with_contacts(database, organization_id, found), found.next_cursor


async def conversation(
    database: Database, organization_id: str, conversation_id: str, instance_ids: frozenset[str] | None = None
) -> Conversation:
    """Raises Problem 404 `conversation_not_found`."""
    found = await database.conversations.find_one({"_id": conversation_id, **own(organization_id, instance_ids)})
    if found is None:
        raise Problem(404, "conversation_not_found", "there is no such conversation")
    return (await _with_contacts(database, organization_id, Page([found], None)))[0]


async def _with_contacts(database: Database, organization_id: str, page: Page) -> list[Conversation]:
    ids = list({document["contact_id"] for document in page.documents})
    people = await database.contacts.find({"_id": {"$in": ids}, "organization_id": organization_id}).to_list(len(ids))
    known = {document["_id"]: contact_of(document) for document in people}
    return [
        Conversation.model_validate({**document, "id": document["_id"], "contact": known.get(document["contact_id"])})
        for document in page.documents
    ]
