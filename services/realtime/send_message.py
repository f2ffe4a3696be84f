"""`send_message`: a text from a socket, answered by what became of it."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from services.realtime.client_requests import ClientRequest, ShortText, parse
from shared.contracts.commands import MAX_SEND_EXPIRY_S, MAX_TEXT, SEND_EXPIRY, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import NO_INSTANCE, Slug, new_id
from shared.contracts.message import Event, utc_now
from shared.contracts.principal import Principal
from shared.contracts.records import MessageStatus
from shared.messaging.command_client import CommandClient
from shared.text.phone_numbers import MAX_ADDRESS_INPUT
from shared.text.visible_text import has_visible_text

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class SendMessageRequest(ClientRequest):
    """`{to | conversationId, message, instanceId?, clientId?, expiresIn?}`; within a day a user's same `clientId` is
    the same message."""

    to: Annotated[str, Field(min_length=1, max_length=MAX_ADDRESS_INPUT)] | None = None
    conversation_id: ShortText | None = None
    message: Text
    instance_id: Slug | None = None
    client_id: ShortText | None = None
    expires_in: Annotated[float, Field(ge=1, le=MAX_SEND_EXPIRY_S, allow_inf_nan=False)] = SEND_EXPIRY.total_seconds()


def parse_request(data: Any) -> SendMessageRequest:
    """Raises Problem 422 that names the field."""
    request = parse(SendMessageRequest, data)
    if not has_visible_text(request.message):
        detail = "message: an empty text, or one of invisible characters only, cannot be sent"
        raise Problem(422, "invalid_payload", detail, field="message")
    if not (request.to or request.conversation_id):
        raise Problem(422, "missing_recipient", "say whom to write to: `to` or `conversationId`", field="to")
    return request


def command_of(request: SendMessageRequest, principal: Principal) -> SendMessage:
    """A command of its own for every attempt; the router knows the message that the client's own id led to."""
    organization_id = principal.organization_id
    client_id, now = request.client_id, utc_now()
    return SendMessage(
        organization_id=organization_id,
        instance_id=request.instance_id or NO_INSTANCE,
        message_id=new_id(),
        to=request.to if request.conversation_id is None else None,
        conversation_id=request.conversation_id,
        text=request.message,
        client_id=client_id,
        by=principal.subject,
        at=now,
        expires_at=now + timedelta(seconds=request.expires_in),
    )


async def send(data: Any, principal: Principal, dispatcher: CommandClient, wait: float) -> dict[str, Any]:
    """The fields of `message_sent_success`. Raises Problem; `retryable` in its extra says whether to try again."""
    if "send" not in principal.scopes:
        raise Problem(403, "scope_missing", "this key may not send; it lacks the scope `send`")
    request = parse_request(data)
    command = command_of(request, principal)
    message_id = command.message_id

    def settled(event: Event) -> bool:
        nonlocal message_id
        if not isinstance(event, MessageStatusChanged):
            return False
        if event.cause == command.id:  # a repetition: the answer names the message it is
            message_id = event.message_id
        return event.message_id == message_id and event.status is not MessageStatus.QUEUED

    async with dispatcher.replies(command, MessageStatusChanged) as answers:
        await dispatcher.publish(command)
        event = await answers.first(settled, command, wait)
    status = event.status if isinstance(event, MessageStatusChanged) else MessageStatus.QUEUED
    if isinstance(event, MessageStatusChanged) and status.is_failed_send:
        retryable = status is MessageStatus.FAILED
        raise Problem(502, f"message_{status.value}", event.error or "the message was not sent", retryable=retryable)
    return {"messageId": message_id, "timestamp": command.at.isoformat(), "status": status.value}
