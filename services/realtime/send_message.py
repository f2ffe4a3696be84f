"""`send_message`: a text from a socket, answered with the status the message reached."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from services.realtime.client_requests import ClientRequest, ShortText, client_id_of, parse
from services.realtime.payloads import Payload
from services.realtime.server import RealtimeServer
from shared.contracts.commands import MAX_SEND_EXPIRY_S, MAX_TEXT, SEND_EXPIRY, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.ids import NO_INSTANCE, Slug, new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.contracts.records import MessageStatus
from shared.messaging.command_client import CommandClient
from shared.messaging.send_and_wait import send_and_wait
from shared.text.phone_numbers import MAX_ADDRESS_INPUT
from shared.text.visible_text import has_visible_text

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class SendMessageRequest(ClientRequest):
    """`{to | conversationId, message, instanceId?, clientId?, expiresIn?}`; within a day the same `clientId` of a user
    means the same message."""

    to: Annotated[str, Field(min_length=1, max_length=MAX_ADDRESS_INPUT)] | None = None
    conversation_id: ShortText | None = None
    message: Text
    instance_id: Slug | None = None
    client_id: ShortText | None = None
    expires_in: Annotated[float, Field(ge=1, le=MAX_SEND_EXPIRY_S, allow_inf_nan=False)] = SEND_EXPIRY.total_seconds()


class SendMessageHandler:
    """Registers itself with the server. `timeout`: seconds until a send is answered `queued`."""

    def __init__(self, server: RealtimeServer, timeout: float) -> None:
        self._server = server
        self._timeout = timeout
        server.on("send_message", self._send_message, error_event="message_send_error")

    async def _send_message(self, sid: str, data: object) -> Payload:
        refusal = "this key may not send; it lacks the scope `send`"
        principal = self._server.authorize(sid, "send", refusal)
        sent = await send(data, principal, self._server.require_nats().commands, self._timeout) | client_id_of([data])
        await self._server.send_queue.send_reply(sid, "message_sent_success", sent)
        return {"success": True, **sent}


def parse_request(data: object) -> SendMessageRequest:
    """Raises Problem 422 that names the field."""
    request = parse(SendMessageRequest, data)
    if not has_visible_text(request.message):
        detail = "message: an empty text, or one of invisible characters only, cannot be sent"
        raise Problem(422, "invalid_payload", detail, field="message")
    if not (request.to or request.conversation_id):
        raise Problem(422, "missing_recipient", "say whom to write to: `to` or `conversationId`", field="to")
    return request


def command_of(request: SendMessageRequest, principal: Principal) -> SendMessage:
    """A new command and message id for every attempt; the router recognizes a repetition by the client's own id."""
    now = utc_now()
    return SendMessage(
        organization_id=principal.organization_id,
        instance_id=request.instance_id or NO_INSTANCE,
        message_id=new_id(),
        to=request.to if request.conversation_id is None else None,
        conversation_id=request.conversation_id,
        text=request.message,
        client_id=request.client_id,
        by=principal.subject,
        at=now,
        expires_at=now + timedelta(seconds=request.expires_in),
    )


async def send(data: object, principal: Principal, commands: CommandClient, timeout: float) -> Payload:
    """The fields of `message_sent_success`. Raises Problem; `retryable` in its extra says whether to try again."""
    request = parse_request(data)
    command = command_of(request, principal)
    outcome = await send_and_wait(commands, command, timeout)
    if outcome.status.is_failed_send:
        retryable = outcome.status is MessageStatus.FAILED
        detail = outcome.error or "the message was not sent"
        named = {"conversationId": outcome.conversation_id, "reason": outcome.reason}
        raise Problem(502, f"message_{outcome.status.value}", detail, retryable=retryable, **named)
    return {
        "messageId": outcome.message_id,
        "conversationId": outcome.conversation_id,
        "timestamp": command.at.isoformat(),
        "status": outcome.status.value,
    }
