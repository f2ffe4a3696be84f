"""Contacts, and messages of all conversations."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, Field

from services.api.answers import Listed, One, listed
from services.api.context import Ctx, LimitedReader, Manager, Paging, Reader
from services.api.fields import LINE_PATTERN, Body, Id, described, printable, require_own
from services.api.views import found, records
from services.api.views import people as views
from services.api.views.found import WORDS_PATTERN, MessageFilter
from services.api.views.people import ContactWithMerges
from services.api.views.records import MessageWithHistory
from shared.commands import SplitContact
from shared.errors import Problem
from shared.events import ContactUpdated
from shared.records import Contact, MessageRecord

router = APIRouter(prefix="/api", tags=["contacts and conversations"])

Search = Annotated[
    Annotated[str, AfterValidator(printable), described(pattern=LINE_PATTERN)] | None,
    Query(max_length=100, description="Part of the name or of the number"),
]


Words = Annotated[
    Annotated[str, AfterValidator(printable), described(pattern=LINE_PATTERN, allOf=[{"pattern": WORDS_PATTERN}])]
    | None,
    Query(max_length=100, description="Whole words, all of them in the text; accents and case make no difference"),
]


def _messages(
    kind: Literal["message", "note"] | None = None,
    search: Words = None,
    stuck: bool | None = None,
    conversation_id: Annotated[Id | None, Query(description="Only of this conversation")] = None,
) -> MessageFilter:
    return MessageFilter(kind, search, stuck, conversation_id)


ChosenMessages = Annotated[MessageFilter, Depends(_messages)]


LIMIT = 10.0
"""Seconds to wait for the router."""


class Split(Body):
    """`merged_id`: of the contact's `merges`."""

    merged_id: Annotated[Id, Field(min_length=1)]


class ContactsRequest(Body):
    organization_id: Id | None = None


@router.get("/contacts")
async def list_contacts(context: Ctx, caller: Reader, page: Paging, search: Search = None) -> Listed[Contact]:
    """Newest first."""
    return listed(await views.contacts(context.database, caller.organization_id, search, page))


@router.post("/contacts")
async def list_contacts_by_post(
    context: Ctx, caller: Reader, page: Paging, body: ContactsRequest | None = None
) -> Listed[Contact]:
    """The same list, for clients that ask with a body. A contact is made by a message, not here."""
    require_own(body.organization_id if body else None, caller.organization_id)
    return listed(await views.contacts(context.database, caller.organization_id, None, page))


@router.get("/contacts/{contact_id}")
async def read_contact(context: Ctx, caller: Reader, contact_id: str) -> One[ContactWithMerges]:
    """One contact, with those that were merged into it."""
    return One(data=await views.contact(context.database, caller.organization_id, contact_id))


@router.post("/contacts/{contact_id}/split")
async def split_contact(context: Ctx, caller: Manager, contact_id: str, body: Split) -> One[ContactWithMerges]:
    """Undo a merge: the contact comes back with what was its own, and the two stay apart. The answer: who came back."""
    await views.contact(context.database, caller.organization_id, contact_id)
    command = SplitContact(
        organization_id=caller.organization_id, contact_id=contact_id, merged_id=body.merged_id, by=caller.subject
    )
    event = await context.dispatcher.issue(command, ContactUpdated, timeout=LIMIT)
    if not isinstance(event, ContactUpdated):
        detail = "the change was taken on and is not done yet; look at the contact again"
        raise Problem(504, "no_answer_yet", detail)
    return One(data=await views.contact(context.database, caller.organization_id, body.merged_id))


@router.get("/messages")
async def list_all_messages(
    context: Ctx, caller: LimitedReader, page: Paging, chosen: ChosenMessages
) -> Listed[MessageRecord]:
    """Of all conversations, newest first; `kind=note`: to oneself; `stuck=true`: what waits for too long."""
    chosen = replace(chosen, instance_ids=caller.instance_ids)
    return listed(await found.messages(context.database, caller.organization_id, page, chosen))


@router.get("/messages/{message_id}")
async def read_message(context: Ctx, caller: LimitedReader, message_id: str) -> One[MessageWithHistory]:
    """One message with what became of it, by our id or by WhatsApp's."""
    return One(data=await records.message(context.database, caller.organization_id, message_id, caller.instance_ids))
