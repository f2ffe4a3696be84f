"""Requests of chat front ends: each is answered by an event and, with the same content, by the acknowledgement.

realtime reads no records itself: it asks the api over NATS.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field

from services.realtime.api_replies import ContactsReply, ShownInstanceReply
from services.realtime.client_requests import ClientRequest, parse
from services.realtime.payloads import Payload, camel
from services.realtime.presence import ConversationRequest, PresenceHandlers
from services.realtime.server import RealtimeServer
from shared.contracts.ids import NO_INSTANCE, Slug
from shared.contracts.principal import Principal, Scope
from shared.contracts.queries import (
    ListContacts,
    MessagesBetween,
    ReadDefaultInstance,
    ReadInstance,
    RequestQr,
)
from shared.contracts.records import Network
from shared.text.phone_numbers import AddressText

CONTACTS_PAGE_SIZE = 200
DEFAULT_CONTACT_COUNT = 1000
"""Contacts without a `limit`: front ends without pages get all that they are likely to have."""
QR_QUERY_TIMEOUT_S = 50.0
"""The api waits up to 30 s for the first code, and before that for the end of an earlier pairing."""

Responder = Callable[[Principal, object], Awaitable[Payload]]


class GetContactsRequest(ClientRequest):
    search: Annotated[str, Field(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=CONTACTS_PAGE_SIZE)] | None = None
    cursor: Annotated[str, Field(max_length=300)] | None = None


class MessagesBetweenRequest(ClientRequest):
    """Two numbers in any order, the account's own and the contact's; `offset` counts from the newest message."""

    from_number: AddressText
    to_number: AddressText
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class InstanceRequest(ClientRequest):
    """Without `instanceId` the organization's oldest account is meant."""

    instance_id: Slug | None = None


class QrRequest(InstanceRequest):
    """`network`: of the account that is created when there is none."""

    force_new: bool = False
    network: Network | None = None


class ChatHandlers:
    """Registers itself with the server."""

    def __init__(self, server: RealtimeServer, presence: PresenceHandlers) -> None:
        self._server = server
        self._presence = presence
        self._register("get_contacts", "contacts_response", self._contacts)
        self._register("get_messages_between", "messages_between_response", self._messages_between)
        self._register("get_qr_code", "qr_code_response", self._qr, "manage")
        self._register("get_connection_status", "connection_status", self._connection_status)
        server.on("join_conversation", self._join_conversation)
        server.on("leave_conversation", self._leave_conversation)

    def _register(self, event: str, response_event: str, responder: Responder, scope: Scope = "read") -> None:
        async def respond(sid: str, data: object) -> Payload:
            payload = await responder(self._server.authorize(sid, scope), {} if data is None else data)
            await self._server.send_queue.send_reply(sid, response_event, payload)
            return payload

        self._server.on(event, respond, error_event=response_event)

    async def _contacts(self, principal: Principal, data: object) -> Payload:
        request = parse(GetContactsRequest, data)
        contacts: list[Payload] = []
        cursor, limit = request.cursor, request.limit or DEFAULT_CONTACT_COUNT
        while True:
            query = ListContacts(
                organization_id=principal.organization_id,
                search=request.search,
                cursor=cursor,
                limit=min(CONTACTS_PAGE_SIZE, limit - len(contacts)),
            )
            page = ContactsReply.model_validate(await self._server.query(query))
            contacts, cursor = contacts + page.data, page.next_cursor
            if cursor is None or len(contacts) >= limit:
                return {"success": True, "data": [camel(contact) for contact in contacts], "nextCursor": cursor}

    async def _messages_between(self, principal: Principal, data: object) -> Payload:
        request = parse(MessagesBetweenRequest, data)
        query = MessagesBetween(
            organization_id=principal.organization_id,
            one=request.from_number,
            other=request.to_number,
            limit=request.limit,
            offset=request.offset,
        )
        return await self._server.query(query)

    async def _qr(self, principal: Principal, data: object) -> Payload:
        request = parse(QrRequest, data)
        query = RequestQr(
            organization_id=principal.organization_id,
            instance_id=request.instance_id or NO_INSTANCE,
            force_new=request.force_new,
            network=request.network,
        )
        return await self._server.query(query, QR_QUERY_TIMEOUT_S)

    async def _connection_status(self, principal: Principal, data: object) -> Payload:
        instance_id, organization_id = parse(InstanceRequest, data).instance_id, principal.organization_id
        if instance_id:
            query = ReadInstance(organization_id=organization_id, instance_id=instance_id)
            state = camel(ShownInstanceReply.model_validate(await self._server.query(query)).instance)
            state |= {"instanceId": state["id"]}
        else:
            state = await self._server.query(ReadDefaultInstance(organization_id=organization_id))
        fields = ("instanceId", "status", "phoneNumber", "reason", "detail", "lastConnectedAt")
        data = {field: state[field] for field in fields} | {"isConnected": state["status"] == "connected"}
        return {"success": True, "data": data}

    async def _join_conversation(self, sid: str, data: object) -> Payload:
        """Every socket of the organization receives its messages anyway; this says whether there is such a conversation
        and subscribes to the contact's presence."""
        principal, conversation_id = self._server.authorize(sid, "read"), _conversation_id(data)
        await self._presence.subscribe_presence(principal, conversation_id)
        await self._server.recovery.join(sid, ("join_conversation", conversation_id))
        return {"success": True}

    async def _leave_conversation(self, sid: str, data: object) -> Payload:
        await self._server.recovery.leave(sid, ("join_conversation", _conversation_id(data)))
        return {"success": True}


def _conversation_id(data: object) -> str:
    """The id itself, or an object with `conversationId`. Raises Problem 422."""
    return parse(ConversationRequest, {"conversationId": data} if isinstance(data, str) else data).conversation_id
