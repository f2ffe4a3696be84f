"""Reads single messages, which the router writes."""

from datetime import datetime

from pydantic import BaseModel

from services.api.views.pagination import organization_query
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.documents import from_document
from shared.platform.mongo import Database, Document
from shared.text.bounded_text import CutText

InstanceIds = frozenset[str] | None
"""The only instances whose messages may be read; None: all of the organization."""


class StatusStep(BaseModel):
    """A status, since when, and the error of `failed`."""

    status: MessageStatus
    at: datetime
    error: str | None = None


class EarlierText(BaseModel):
    """A text before an edit of its author, and when it was written."""

    text: CutText | None = None
    written_at: datetime


class MessageWithHistory(MessageRecord):
    """`history`: the statuses after the first one, oldest first. `stuck_since`: since when the message has a status
    that should have changed by now. `earlier_texts`: before edits of the author, oldest first: the first text and at
    most 19 others."""

    history: tuple[StatusStep, ...] = ()
    stuck_since: datetime | None = None
    earlier_texts: tuple[EarlierText, ...] = ()


def message_of(document: Document) -> MessageRecord:
    return from_document(MessageRecord, document)


def _message_with_history(document: Document) -> MessageWithHistory:
    edits = document.get("edits", [])
    texts = [{"text": document.get("original_text"), "written_at": document["timestamp"]}] if edits else []
    texts += [{"text": edit["text"], "written_at": edit["timestamp"]} for edit in edits if not edit.get("unreadable")]
    earlier = texts[:-1]  # the last one is the current text
    return from_document(MessageWithHistory, document, earlier_texts=earlier)


async def get_message(
    database: Database, organization_id: str, any_id: str, instance_ids: InstanceIds = None
) -> MessageWithHistory:
    """By Switchboard's id or WhatsApp's. Raises Problem 404 `message_not_found`."""
    query = {"_id": any_id, **organization_query(organization_id, instance_ids)}
    if message := await database.messages.find_one(query):
        return _message_with_history(message)
    instances = organization_query(organization_id, instance_ids, id_field="_id")
    allowed_ids = await database.instances.distinct("_id", instances)
    wa_id = {"$eq": any_id, "$type": "string"}  # MongoDB uses the partial index only when the query has its filter
    by_whatsapp_id = {"organization_id": organization_id, "instance_id": {"$in": allowed_ids}, "wa_id": wa_id}
    message = await database.messages.find_one(by_whatsapp_id)
    if message is None:
        raise Problem(404, "message_not_found", "there is no such message")
    return _message_with_history(message)
