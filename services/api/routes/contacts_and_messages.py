"""Contacts, and messages of all conversations."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator, StringConstraints

from services.api.context import AuditedSender, Ctx, LimitedReader, Paging, Reader
from services.api.dependencies import depends_on
from services.api.nats.served_on_nats import OPTIONAL_ID_FIELD, SEARCH_FIELD, answers, served_on_nats
from services.api.request_fields import (
    SEARCH_PATTERN,
    ContactName,
    Id,
    InstanceParameter,
    RequestBody,
    require_own_organization,
    searchable,
    with_json_schema,
)
from services.api.responses import Item, Page, page_of
from services.api.router_commands import execute_on_router
from services.api.views import contacts as views
from services.api.views import message_details, message_search
from services.api.views.contacts import ContactSort, ContactWithMerges, ListedContact
from services.api.views.message_details import MessageWithHistory
from services.api.views.message_search import WORDS_PATTERN, MessageFilter
from shared.contracts.commands import ExpectedName, RenameContact
from shared.contracts.events import ContactUpdated
from shared.contracts.queries import MAX_SEARCH, ListContacts, ReadMessage
from shared.contracts.records import MessageRecord
from shared.text.bounded_text import MAX_NAME
from shared.text.search_terms import MAX_SEARCHED

router = APIRouter(prefix="/api", tags=["contacts and conversations"])
_PENDING = "the change was taken on and is not done yet; look at the contact again"

ContactSearch = Annotated[
    Annotated[str, AfterValidator(searchable), with_json_schema(pattern=SEARCH_PATTERN)] | None,
    Query(
        max_length=MAX_SEARCH,
        description="Words; each must be part of a word of the contact's name or of the number; case and accents "
        "make no difference",
    ),
]


MessageSearch = Annotated[
    Annotated[
        str, AfterValidator(searchable), with_json_schema(pattern=SEARCH_PATTERN, allOf=[{"pattern": WORDS_PATTERN}])
    ]
    | None,
    Query(
        max_length=MAX_SEARCH,
        description="Words; each must be part of a word of the text; case and accents make no difference. The "
        f"first {MAX_SEARCHED:,} characters of a text are searched",
    ),
]


def _messages(
    kind: Literal["message", "note"] | None = None,
    search: MessageSearch = None,
    stuck: bool | None = None,
    conversation_id: Annotated[Id | None, Query(description="Only of this conversation")] = None,
) -> MessageFilter:
    return MessageFilter(kind, search, stuck, conversation_id)


MessageFilterParameters = Annotated[MessageFilter, depends_on(_messages)]


class ContactChanges(RequestBody):
    """`name`: null gives the contact back the name from WhatsApp. With `expected_name` (null: none) nothing is changed
    when the contact has another name."""

    name: ContactName | None
    expected_name: Annotated[str, StringConstraints(max_length=MAX_NAME)] | None = None

    @property
    def expected(self) -> ExpectedName | None:
        """None when the body does not name one."""
        return ExpectedName(name=self.expected_name) if "expected_name" in self.model_fields_set else None


class ListContactsBody(RequestBody):
    organization_id: Id | None = None


@router.get("/contacts")
@answers(ListContacts)
async def list_contacts(
    context: Ctx, caller: Reader, page: Paging, search: ContactSearch = None, sort: ContactSort = "created_at"
) -> Page[ListedContact]:
    """Newest first. `sort=name`: by name, ignoring case and accents; contacts without a name last, by number.
    `sort=last_message_at`: those with the newest message first; contacts without a message are left out."""
    return page_of(await views.find_contacts(context.database, caller.organization_id, search, page, sort))


@router.post("/contacts")
async def list_contacts_by_post(
    context: Ctx, caller: Reader, page: Paging, body: ListContactsBody | None = None
) -> Page[ListedContact]:
    """The same list, for clients that send a body. It creates no contact: messages do."""
    require_own_organization(body.organization_id if body else None, caller.organization_id)
    return page_of(await views.find_contacts(context.database, caller.organization_id, None, page))


@router.get("/contacts/{contact_id}")
@served_on_nats("wa.query.contact.read", "ReadContact")
async def read_contact(context: Ctx, caller: Reader, contact_id: str) -> Item[ContactWithMerges]:
    """One contact, with the contacts that were merged into it."""
    return Item(data=await views.get_contact(context.database, caller.organization_id, contact_id))


@router.patch("/contacts/{contact_id}")
@served_on_nats("wa.command.contact.change", "ChangeContactRequest", is_slow=True)
async def change_contact(
    context: Ctx, caller: AuditedSender, contact_id: str, body: ContactChanges
) -> Item[ContactWithMerges]:
    """Give it a name, which holds against names from WhatsApp from then on. 409 `contact_changed`, with `contact`: it
    has another name than the expected one."""
    await views.require_contact(context.database, caller.organization_id, contact_id)
    command = RenameContact(
        organization_id=caller.organization_id,
        contact_id=contact_id,
        name=body.name,
        expected=body.expected,
        by=caller.subject,
    )
    await execute_on_router(context, command, ContactUpdated, _PENDING)
    return Item(data=await views.get_contact(context.database, caller.organization_id, contact_id))


@router.get("/messages")
@served_on_nats(
    "wa.query.message.list", "ListMessages", fields={"search": SEARCH_FIELD, "conversation_id": OPTIONAL_ID_FIELD}
)
async def list_all_messages(
    context: Ctx,
    caller: LimitedReader,
    page: Paging,
    filters: MessageFilterParameters,
    instance_id: InstanceParameter = None,
) -> Page[MessageRecord]:
    """Of all conversations, newest first, of one instance or all. `kind=note`: notes to oneself. `stuck=true`: outbound
    messages that wait for too long."""
    filters = replace(filters, instance_ids=caller.accessible(instance_id))
    return page_of(await message_search.search_messages(context.database, caller.organization_id, page, filters))


@router.get("/messages/{message_id}")
@answers(ReadMessage)
async def read_message(context: Ctx, caller: LimitedReader, message_id: str) -> Item[MessageWithHistory]:
    """One message with its status history, by Switchboard's id or by WhatsApp's."""
    return Item(
        data=await message_details.get_message(
            context.database, caller.organization_id, message_id, caller.instance_ids
        )
    )
