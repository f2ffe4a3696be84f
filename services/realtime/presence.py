"""Presence and read receipts from sockets: the user types, looks at a conversation, has read it. The other users of
the organization are told as well who types.

Typing and presence are ephemeral (docs/decisions/0018): the acknowledgement says that the request was published for the
right account, not that the contact saw anything.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.realtime.api_replies import ConversationReply, ConversationState, MessageReply
from services.realtime.client_requests import ClientRequest, ShortText, parse
from services.realtime.payloads import Payload
from services.realtime.server import RealtimeServer
from shared.contracts.commands import MarkConversationRead
from shared.contracts.ephemeral import ColleagueTyping, SendTyping, SubscribePresence, TypingState
from shared.contracts.errors import Problem
from shared.contracts.events import ConversationUpdated
from shared.contracts.order_keys import key_at
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Principal
from shared.contracts.queries import ReadConversation, ReadMessage
from shared.contracts.records import Party, Seen
from shared.messaging.publisher import publish_ephemeral

MARK_READ_TIMEOUT_S = 10.0
"""For the router to mark a conversation read."""


class ConversationRequest(ClientRequest):
    conversation_id: ShortText


class TypingRequest(ConversationRequest):
    """`state`, or `isTyping` as chat front ends say it; without either: composing."""

    state: TypingState | None = None
    is_typing: bool = True


class MarkReadRequest(ClientRequest):
    """The whole conversation, or everything up to the newest of these messages (our ids or WhatsApp's)."""

    conversation_id: ShortText | None = None
    message_ids: Annotated[tuple[ShortText, ...], Field(max_length=50)] = ()


class PresenceHandlers:
    """Registers itself with the server."""

    def __init__(self, server: RealtimeServer) -> None:
        self._server = server
        server.on("typing", self._typing)
        server.on("stop_typing", self._stop_typing)
        server.on("presence_subscribe", self._presence_subscribe)
        server.on("mark_read", self._mark_read)

    async def subscribe_presence(self, principal: Principal, conversation_id: str) -> None:
        """A user opened this conversation: its contact's presence is wanted. Raises Problem when there is none."""
        conversation = await self.read_conversation(principal, conversation_id)
        if to := _party_of(conversation):
            ids = {"organization_id": principal.organization_id, "instance_id": conversation.instance_id}
            event = SubscribePresence.model_validate({**ids, "to": to})
            await publish_ephemeral(self._server.require_nats().client, event)

    async def _typing(self, sid: str, data: object) -> Payload:
        request = parse(TypingRequest, data)
        state: TypingState = request.state or ("composing" if request.is_typing else "paused")
        return await self._send_typing(sid, request.conversation_id, state)

    async def _stop_typing(self, sid: str, data: object) -> Payload:
        return await self._send_typing(sid, parse(ConversationRequest, data).conversation_id, "paused")

    async def _send_typing(self, sid: str, conversation_id: str, state: TypingState) -> Payload:
        principal = self._server.authorize(sid, "send")
        conversation = await self.read_conversation(principal, conversation_id)
        client = self._server.require_nats().client
        ids = {"organization_id": principal.organization_id, "instance_id": conversation.instance_id}
        if to := _party_of(conversation):
            await publish_ephemeral(client, SendTyping.model_validate({**ids, "to": to, "state": state}))
        if is_user(principal):
            shown_state = "paused" if state == "paused" else "composing"
            colleague = {"conversation_id": conversation_id, "user_id": principal.subject, "state": shown_state}
            await publish_ephemeral(client, ColleagueTyping.model_validate({**ids, **colleague}))
        return {"success": True}

    async def _presence_subscribe(self, sid: str, data: object) -> Payload:
        principal = self._server.authorize(sid, "read")
        await self.subscribe_presence(principal, parse(ConversationRequest, data).conversation_id)
        return {"success": True}

    async def _mark_read(self, sid: str, data: object) -> Payload:
        principal, request = self._server.authorize(sid, "send"), parse(MarkReadRequest, data)
        if request.conversation_id is not None:
            conversation = await self.read_conversation(principal, request.conversation_id)
            key = _order_key_of(conversation.order_key, conversation.updated_at)
            marks = {request.conversation_id: Seen(order_key=key)}
        elif request.message_ids:
            await self._server.charge(principal, len(set(request.message_ids)) - 1)
            marks = await self._read_marks(principal, request.message_ids)
        else:
            raise Problem(422, "invalid_payload", "say what was read: `conversationId` or `messageIds`")
        results = await asyncio.gather(*(self._mark_conversation(principal, *mark) for mark in marks.items()))
        return {"success": True, "data": results}

    async def _read_marks(self, principal: Principal, message_ids: Sequence[str]) -> dict[str, Seen]:
        """For each conversation with one of these messages: read up to the newest of them."""
        organization_id = principal.organization_id
        queries = [ReadMessage(organization_id=organization_id, message_id=each) for each in dict.fromkeys(message_ids)]
        newest: dict[str, int] = {}
        for answer in await asyncio.gather(*(self._server.query(query) for query in queries)):
            message = MessageReply.model_validate(answer).data
            _require_instance(principal, message.instance_id)
            if message.conversation_id is not None:
                key = _order_key_of(message.order_key, message.timestamp)
                newest[message.conversation_id] = max(key, newest.get(message.conversation_id, 0))
        return {conversation_id: Seen(order_key=key) for conversation_id, key in newest.items()}

    async def _mark_conversation(self, principal: Principal, conversation_id: str, seen: Seen) -> Payload:
        command = MarkConversationRead(
            organization_id=principal.organization_id, conversation_id=conversation_id, seen=seen, by=principal.subject
        )
        commands = self._server.require_nats().commands
        event = await commands.execute(command, ConversationUpdated, timeout=MARK_READ_TIMEOUT_S)
        unread = event.conversation.unread_count if isinstance(event, ConversationUpdated) else None
        return {"conversationId": conversation_id, "unreadCount": unread}

    async def read_conversation(self, principal: Principal, conversation_id: str) -> ConversationState:
        """Raises Problem 404 for a conversation that this principal may not read."""
        query = ReadConversation(organization_id=principal.organization_id, conversation_id=conversation_id)
        conversation = ConversationReply.model_validate(await self._server.query(query)).data
        _require_instance(principal, conversation.instance_id)
        return conversation


def is_user(principal: Principal) -> bool:
    """And no API key, which is nobody's colleague."""
    return not principal.subject.startswith(API_KEY_SUBJECT_PREFIX)


def _order_key_of(order_key: int | None, time: datetime | None) -> int:
    """An api of the previous version has no order keys in its answers: then one is made from the time."""
    if order_key is not None:
        return order_key
    assert time is not None
    return key_at(time)


def _require_instance(principal: Principal, instance_id: str) -> None:
    """As over REST, what an API key is not allowed to reach does not exist for it. Raises Problem 404."""
    if principal.instance_ids is not None and instance_id not in principal.instance_ids:
        raise Problem(404, "conversation_not_found", "there is no such conversation")


def _party_of(conversation: ConversationState) -> Party | None:
    contact = conversation.contact
    has_address = contact is not None and (contact.phone_number or contact.lid)
    return Party(phone=contact.phone_number, lid=contact.lid) if contact and has_address else None
