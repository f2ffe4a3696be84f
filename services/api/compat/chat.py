"""Routes for the chat front end: contacts, messages between two numbers, QR code, send. Its sockets:
services/realtime."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.api.compat.chat_schemas import (
    ChatContact,
    ChatMessages,
    ChatQr,
    ChatSendBody,
    ChatSendResult,
    MessagesBetweenParameters,
    chat_contact,
    chat_message,
)
from services.api.compat.instance_selection import (
    NetworkParameter,
    accessible_instance,
    find_default_id,
    get_or_create_default,
    require_accessible,
)
from services.api.compat.qr_linking import first_qr
from services.api.context import ApiContext, Ctx, Cursor, LimitedManager, LimitedReader, LimitedSender, Reader
from services.api.nats.served_on_nats import answers
from services.api.responses import Item, Page
from services.api.routes import instance_connection, sends
from services.api.routes.contacts_and_messages import ContactSearch
from services.api.views import contacts as contact_views
from services.api.views import conversation_list
from services.api.views.instance_status import connection_of
from services.api.views.messages_between import MessagesBetweenFilter, find_messages_between
from services.api.views.pagination import PageRequest
from shared.contracts.addresses import lid_address
from shared.contracts.errors import Problem
from shared.contracts.instance_records import InstanceRecord
from shared.contracts.principal import Principal
from shared.contracts.queries import MessagesBetween, RequestQr
from shared.contracts.records import ConnectionStatus as S

router = APIRouter(prefix="/api/whatsapp", tags=["chat"])

Limit = Annotated[int, Query(ge=1, le=1000, description="High by default, for clients that know no pages")]
InstanceId = Annotated[str | None, Query(alias="instanceId", max_length=64)]


@router.get("/contacts")
async def contacts(
    context: Ctx, caller: Reader, search: ContactSearch = None, limit: Limit = 1000, cursor: Cursor = None
) -> Page[ChatContact]:
    """Contacts, newest first."""
    page = PageRequest(limit, cursor)
    page_contacts, next_cursor = await contact_views.find_contacts(
        context.database, caller.organization_id, search, page
    )
    return Page(data=[chat_contact(contact) for contact in page_contacts], next_cursor=next_cursor)


@router.get("/messages/between")
async def between(
    context: Ctx, caller: LimitedReader, numbers: Annotated[MessagesBetweenParameters, Query()]
) -> ChatMessages:
    """The newest messages between an account and a contact, oldest first."""
    filters = MessagesBetweenFilter(numbers.from_, numbers.to, numbers.limit, numbers.offset, caller.instance_ids)
    messages, next_offset = await find_messages_between(context.database, caller.organization_id, filters)
    return ChatMessages(data=[chat_message(message) for message in messages], next_offset=next_offset)


@answers(MessagesBetween)
async def between_addresses(
    context: Ctx, caller: LimitedReader, one: str, other: str, limit: int, offset: int
) -> ChatMessages:
    """The same for `from` and `to`, which are `one` and `other` on NATS."""
    numbers = MessagesBetweenParameters.model_validate({"from": one, "to": other, "limit": limit, "offset": offset})
    return await between(context, caller, numbers)


@router.get("/qr")
@answers(RequestQr, is_slow=True)
async def qr(
    context: Ctx,
    caller: LimitedManager,
    force_new: Annotated[bool, Query(alias="forceNew")] = False,
    instance_id: InstanceId = None,
    network: NetworkParameter = None,
) -> Item[ChatQr]:
    """The current code. If there is none, connects the account and waits for the first code, at most 30 s.

    `forceNew` starts linking again, unless the account is connected.
    """
    instance = await _instance(context, caller, instance_id, network)
    if force_new:
        await _restart_linking(context, caller, instance)
    code = await first_qr(context, instance)
    status = S.QR_PENDING if code else S.CONNECTED
    data_url, text, expires_at = (code.data_url, code.qr, code.expires_at) if code else (None, None, None)
    return Item(data=ChatQr(qr_code=data_url, qr=text, status=status, instance_id=instance.id, expires_at=expires_at))


async def _instance(
    context: ApiContext, caller: Principal, instance_id: str | None, network: NetworkParameter
) -> InstanceRecord:
    if instance_id:
        return await accessible_instance(context, caller, instance_id)
    return await get_or_create_default(context, caller, network)


async def _restart_linking(context: ApiContext, caller: Principal, instance: InstanceRecord) -> None:
    connection = await connection_of(context.database, caller.organization_id, instance.id)
    if not connection.status.is_settled:
        await instance_connection.disconnect(context, caller, instance.id)


@router.post("/send-message", responses={202: {"model": ChatSendResult, "description": "Queued, not acknowledged yet"}})
async def send_message(
    context: Ctx, caller: LimitedSender, body: ChatSendBody, response: Response, key: sends.IdempotencyKey = None
) -> ChatSendResult:
    """Send a text from the account that is named, else from that of the conversation, else from the default one."""
    outgoing = replace(await _outgoing(context, caller, body), key=key)
    result = await sends.deliver(context, outgoing, response)
    return ChatSendResult(**result.model_dump(), client_id=body.client_id)


async def _outgoing(context: ApiContext, caller: Principal, body: ChatSendBody) -> sends.OutgoingText:
    """Raises Problem 404, 409, or 422 `missing_recipient`."""
    instance_id, to, conversation_id = body.instance_id, body.to, None
    if instance_id:
        await require_accessible(context, caller, instance_id)
    if body.conversation_id:
        conversation = await conversation_list.get_conversation(
            context.database, caller.organization_id, body.conversation_id, caller.instance_ids
        )
        instance_id = instance_id or conversation.instance_id
        if to is None and instance_id == conversation.instance_id:
            conversation_id = conversation.id  # unlike the number, it is the same in a repeated request
        elif to is None and conversation.contact:
            to = conversation.contact.phone_number or lid_address(str(conversation.contact.lid))
    if to is None and conversation_id is None:
        raise Problem(422, "missing_recipient", "to: say whom to write to, by `to` or `conversationId`")
    return sends.OutgoingText(
        caller,
        instance_id or await _default_account_id(context, caller),
        body.message,
        to,
        conversation_id,
        client_id=body.client_id,
        wait=body.wait,
        expires_in=body.expires_in,
    )


async def _default_account_id(context: ApiContext, caller: Principal) -> str:
    instance_id = await find_default_id(context, caller)
    if instance_id is None:
        raise Problem(409, "instance_not_connected", "there is no account yet; connect one first, and send again")
    return instance_id
