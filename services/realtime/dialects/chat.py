"""The chat front end's questions: each is answered by an event and, the same, by the acknowledgement.

realtime reads no records: what is asked here, the api answers over NATS.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import Field

from services.realtime.client_requests import ClientRequest, parse
from services.realtime.payloads import Payload, camel
from services.realtime.presence import ConversationRequest, PresenceHandlers
from services.realtime.server import RealtimeServer
from shared.contracts.ids import NO_INSTANCE, Slug
from shared.contracts.message import Query
from shared.contracts.principal import Principal, Scope
from shared.contracts.queries import (
    Address,
    ListContacts,
    MessagesBetween,
    ReadDefaultInstance,
    ReadInstance,
    RequestQr,
)
from shared.contracts.records import Network
from shared.messaging.rpc_client import rpc_request

CONTACTS_PAGE_SIZE = 200
DEFAULT_CONTACT_COUNT = 1000
"""Given to who names no `limit`: front ends that know no pages get all they are likely to have."""
QR_TIMEOUT_S = 50.0
"""Seconds: the api waits up to 30 for the first code, and before that for the end of a pairing that is given up."""

Responder = Callable[[Principal, Any], Awaitable[Payload]]


class GetContactsRequest(ClientRequest):
    search: Annotated[str, Field(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=CONTACTS_PAGE_SIZE)] | None = None
    cursor: Annotated[str, Field(max_length=300)] | None = None


class MessagesBetweenRequest(ClientRequest):
    """Two numbers in any order, the account's own and the contact's; `offset` counts from the newest message."""

    from_number: Address
    to_number: Address
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class InstanceRequest(ClientRequest):
    """Without `instanceId` the organization's oldest account is meant."""

    instance_id: Slug | None = None


class QrRequest(InstanceRequest):
    """`network`: of an account that is made because there is none."""

    force_new: bool = False
    network: Network | None = None


class ChatHandlers:
    """Registers itself for its events."""

    def __init__(self, server: RealtimeServer, attention: PresenceHandlers) -> None:
        self._server, self._presence = server, attention
        self._register("get_contacts", "contacts_response", self._contacts)
        self._register("get_messages_between", "messages_between_response", self._between)
        self._register("get_qr_code", "qr_code_response", self._qr, "manage")
        self._register("get_connection_status", "connection_status", self._connection_status)
        server.on("join_conversation", self._join_conversation)
        server.on("leave_conversation", self._leave_conversation)

    def _register(self, asked: str, said: str, answer: Responder, scope: Scope = "read") -> None:
        async def respond(sid: str, data: Any) -> Payload:
            payload = await answer(self._server.authorize(sid, scope), {} if data is None else data)
            await self._server.send_queue.send_reply(sid, said, payload)
            return payload

        self._server.on(asked, respond, refused=said)

    async def _contacts(self, principal: Principal, data: Any) -> Payload:
        request = parse(GetContactsRequest, data)
        found: list[Any] = []
        cursor, wanted = request.cursor, request.limit or DEFAULT_CONTACT_COUNT
        while True:
            page = await self._ask(
                ListContacts(
                    organization_id=principal.organization_id,
                    search=request.search,
                    cursor=cursor,
                    limit=min(CONTACTS_PAGE_SIZE, wanted - len(found)),
                )
            )
            found, cursor = found + page["data"], page["next_cursor"]
            if cursor is None or len(found) >= wanted:
                return {"success": True, "data": camel(found), "nextCursor": cursor}

    async def _between(self, principal: Principal, data: Any) -> Payload:
        request = parse(MessagesBetweenRequest, data)
        return await self._ask(
            MessagesBetween(
                organization_id=principal.organization_id,
                one=request.from_number,
                other=request.to_number,
                limit=request.limit,
                offset=request.offset,
            )
        )

    async def _qr(self, principal: Principal, data: Any) -> Payload:
        request = parse(QrRequest, data)
        question = RequestQr(
            organization_id=principal.organization_id,
            instance_id=request.instance_id or NO_INSTANCE,
            force_new=request.force_new,
            network=request.network,
        )
        return await self._ask(question, QR_TIMEOUT_S)

    async def _connection_status(self, principal: Principal, data: Any) -> Payload:
        instance_id, organization_id = parse(InstanceRequest, data).instance_id, principal.organization_id
        if instance_id:
            answer = await self._ask(ReadInstance(organization_id=organization_id, instance_id=instance_id))
            state = camel(answer["instance"])
            state |= {"instanceId": state["id"]}
        else:
            state = await self._ask(ReadDefaultInstance(organization_id=organization_id))
        fields = ("instanceId", "status", "phoneNumber", "reason", "detail", "lastConnectedAt")
        shown = {field: state[field] for field in fields}
        return {"success": True, "data": shown | {"isConnected": state["status"] == "connected"}}

    async def _join_conversation(self, sid: str, data: Any) -> Payload:
        """Its messages come to every socket of the organization; this says whether there is such a conversation, and
        that somebody looks at it."""
        principal, wanted = self._server.authorize(sid, "read"), _conversation_id(data)
        await self._presence.subscribe_presence(principal, wanted)
        await self._server.recovery.join(sid, ("join_conversation", wanted))
        return {"success": True}

    async def _leave_conversation(self, sid: str, data: Any) -> Payload:
        await self._server.recovery.leave(sid, ("join_conversation", _conversation_id(data)))
        return {"success": True}

    async def _ask(self, query: Query, timeout: float = 5.0) -> Payload:
        return await rpc_request(self._server.require_nats().client, query, timeout)


def _conversation_id(data: Any) -> str:
    """The id itself, or an object with `conversationId`. Raises Problem 422."""
    return parse(ConversationRequest, {"conversationId": data} if isinstance(data, str) else data).conversation_id
