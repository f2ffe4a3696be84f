"""Reads of single messages, written by the router."""

from datetime import datetime

from pydantic import BaseModel

from services.api.views.pagination import organization_query
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.mongo import Database, Document
from shared.text.bounded_text import CutText

InstanceIds = frozenset[str] | None
"""The only instances that count; None: all of the organization."""


class StatusStep(BaseModel):
    """A status, since when, and what went wrong if it is `failed`."""

    status: MessageStatus
    at: datetime
    error: str | None = None


class EarlierText(BaseModel):
    """A text that its author replaced by an edit, and when it was written."""

    text: CutText | None = None
    written_at: datetime


class MessageWithHistory(MessageRecord):
    """`history`: the steps of its status after the first, oldest first. `stuck_since`: since when it has the status it
    has had for too long. `earlier_texts`: what it said before its author edited it, oldest first: the first text and at
    most 19 others."""

    history: tuple[StatusStep, ...] = ()
    stuck_since: datetime | None = None
    earlier_texts: tuple[EarlierText, ...] = ()


def _message(document: Document) -> MessageRecord:
    return MessageRecord.model_validate({**document, "id": document["_id"]})


def _message_with_history(document: Document) -> MessageWithHistory:
    edits = document.get("edits", [])
    known = [{"text": document.get("original_text"), "written_at": document["timestamp"]}] if edits else []
    known += [{"text": edit["text"], "written_at": edit["timestamp"]} for edit in edits if not edit.get("unreadable")]
    earlier = known[:-1]  # the last one is what it says now
    return MessageWithHistory.model_validate({**document, "id": document["_id"], "earlier_texts": earlier})


async def find_message(database: Database, organization_id: str, message_id: str) -> MessageRecord | None:
    """By our own id."""
    found = await database.messages.find_one({"_id": message_id, "organization_id": organization_id})
    return _message(found) if found else None


async def get_message(
    database: Database, organization_id: str, any_id: str, instance_ids: InstanceIds = None
) -> MessageWithHistory:
    """By our id or WhatsApp's. Raises Problem 404 `message_not_found`."""
    if ours := await database.messages.find_one({"_id": any_id, **organization_query(organization_id, instance_ids)}):
        return _message_with_history(ours)
    instances = await database.instances.distinct("_id", organization_query(organization_id, instance_ids, by="_id"))
    found = await database.messages.find_one(
        {"organization_id": organization_id, "instance_id": {"$in": instances}, "wa_id": any_id}
    )
    if found is None:
        raise Problem(404, "message_not_found", "there is no such message")
    return _message_with_history(found)
