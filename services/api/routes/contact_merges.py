"""Contacts that are one person: suggestions, merging and splitting."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictBool

from services.api.context import Ctx, Manager, Paging, Reader
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import Id, RequestBody
from services.api.responses import Item, Ok, Page, page_of
from services.api.router_commands import execute_on_router
from services.api.views import contacts as views
from services.api.views.contacts import ContactWithMerges
from services.api.views.merge_suggestions import MergeSuggestion, find_merge_suggestions
from shared.contracts.commands import MergeContacts, SplitContact
from shared.contracts.errors import Problem
from shared.contracts.events import ContactUpdated
from shared.contracts.message import utc_now

router = APIRouter(prefix="/api/contacts", tags=["contacts and conversations"])

ContactId = Annotated[Id, Field(min_length=1)]
_PENDING = "the change was taken on and is not done yet; look at the contact again"


class SplitContactBody(RequestBody):
    """`merged_id`: an id of the contact's `merges`."""

    merged_id: ContactId


class MergeContactsBody(RequestBody):
    """`other_id`: the contact that is merged into the one of the path. `anyway`: although each has a phone number of
    its own."""

    other_id: ContactId
    anyway: StrictBool = False


class DismissedPair(RequestBody):
    """The two contacts of a suggestion, in any order."""

    contact_id: ContactId
    other_id: ContactId


@router.get("/merge-suggestions")
@served_on_nats("wa.query.contact.merge-suggestions", "ListMergeSuggestions")
async def list_merge_suggestions(context: Ctx, caller: Reader, page: Paging) -> Page[MergeSuggestion]:
    """Contacts that may be one person, by name. A page may be short, or empty, although there are others: continue
    until `next_cursor` is null."""
    return page_of(await find_merge_suggestions(context.database, caller.organization_id, page))


@router.post("/merge-suggestions/dismiss")
@served_on_nats("wa.command.contact.dismiss-merge", "DismissMergeRequest")
async def dismiss_merge(context: Ctx, caller: Manager, body: DismissedPair) -> Ok:
    """Do not suggest it again. The two are merged nevertheless when a message shows that they are one person."""
    if body.contact_id == body.other_id:
        raise Problem(422, "same_contact", "other_id: this is the contact itself; name another one")
    for contact_id in (body.contact_id, body.other_id):
        await views.require_contact(context.database, caller.organization_id, contact_id)
    pair = (body.contact_id, body.other_id)
    await context.dismissed_merges.add(caller.organization_id, pair, caller.subject, utc_now())
    return Ok()


@router.post("/{contact_id}/merge")
@served_on_nats("wa.command.contact.join", "MergeContactsRequest", is_slow=True)
async def merge_contacts(
    context: Ctx, caller: Manager, contact_id: str, body: MergeContactsBody
) -> Item[ContactWithMerges]:
    """Merge another contact into this one, with its conversations, messages and bookings; `split` undoes it. Of two
    open bookings one is cancelled. 409 `contacts_have_numbers`, with `phone_numbers`: each has one, and messages to the
    merged contact go to one of them, as a rule to the one that wrote last. 422 `same_contact`."""
    await views.require_contact(context.database, caller.organization_id, contact_id)
    command = MergeContacts(
        organization_id=caller.organization_id,
        contact_id=contact_id,
        other_id=body.other_id,
        anyway=body.anyway,
        by=caller.subject,
    )
    await execute_on_router(context, command, ContactUpdated, _PENDING)
    return Item(data=await views.get_contact(context.database, caller.organization_id, contact_id))


@router.post("/{contact_id}/split")
@served_on_nats("wa.command.contact.take-apart", "SplitContactRequest", is_slow=True)
async def split_contact(
    context: Ctx, caller: Manager, contact_id: str, body: SplitContactBody
) -> Item[ContactWithMerges]:
    """Undo a merge: the merged contact is restored with its own records, and the two are not merged again
    automatically. Returns the restored contact."""
    await views.require_contact(context.database, caller.organization_id, contact_id)
    command = SplitContact(
        organization_id=caller.organization_id, contact_id=contact_id, merged_id=body.merged_id, by=caller.subject
    )
    await execute_on_router(context, command, ContactUpdated, _PENDING)
    return Item(data=await views.get_contact(context.database, caller.organization_id, body.merged_id))
