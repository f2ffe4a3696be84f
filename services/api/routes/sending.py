"""Send a text from an instance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from pydantic import Field, StringConstraints

from services.api.answers import Done
from services.api.context import Context, Ctx, Sender
from services.api.fields import Body, Recipient, Text
from services.api.views.instances import connection_of
from services.api.views.records import find_message
from shared.commands import SendMessage
from shared.errors import Problem
from shared.events import MessageRecorded, MessageStatusChanged
from shared.ids import new_id
from shared.message import Event
from shared.records import ConnectionStatus, MessageStatus

router = APIRouter(prefix="/api/whatsapp/instances/{instance_id}", tags=["messages"])

_PENDING = frozenset({MessageStatus.QUEUED})
_LOST = frozenset({MessageStatus.FAILED, MessageStatus.UNCONFIRMED})
_TAKE_ON_TIMEOUT_S = 2.0
"""The router takes a message on or refuses it within this time, however short a client waits for WhatsApp: a message
that is refused was not queued, and the caller would not learn of it."""

Wait = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    Header(alias="Idempotency-Key", description="The same key within a day is the same message, sent once"),
]


class SendRequest(Body):
    """`to`: a number with or without a JID suffix. `wait`: seconds to wait for WhatsApp's acknowledgement."""

    to: Recipient
    message: Text
    wait: Wait = 10.0


class SendAnswer(Done):
    """`messageId` is the id at /api/messages; `status` `queued` (with HTTP 202) means it is on its way still."""

    messageId: str
    status: MessageStatus
    timestamp: datetime


@dataclass(frozen=True)
class SendCall:
    """What is to be sent; `key` makes a repetition the same message."""

    caller: Sender
    instance_id: str
    body: SendRequest
    key: IdempotencyKey = None

    @property
    def organization_id(self) -> str:
        return self.caller.organization_id


@router.post("/send", responses={202: {"model": SendAnswer, "description": "Queued, not acknowledged yet"}})
async def send(context: Ctx, request: Annotated[SendCall, Depends()], response: Response) -> SendAnswer:
    """Send a text, and wait until WhatsApp has it."""
    await context.instances.get(request.organization_id, request.instance_id)
    command = SendMessage(
        organization_id=request.organization_id,
        instance_id=request.instance_id,
        message_id=await _message_id(context, request),
        to=request.body.to,
        text=request.body.message,
    )
    answer = await _sent(context, command, request.body.wait)
    response.status_code = 202 if answer.status in _PENDING else 200
    return answer


async def _message_id(context: Context, request: SendCall) -> str:
    """Raises Problem 409 `instance_not_connected`, unless the key says that the message was taken on before."""
    organization_id, message_id, repeated = request.organization_id, new_id(), False
    if request.key:
        same = (request.instance_id, request.body.to, request.body.message)
        message_id, repeated = await context.idempotency.claim(organization_id, request.key, *same)
    if not (repeated and await find_message(context.database, organization_id, message_id)):
        await _require_connected(context, organization_id, request.instance_id)
    return message_id


async def _require_connected(context: Context, organization_id: str, instance_id: str) -> None:
    link = await connection_of(context.database, organization_id, instance_id)
    state = link.get("status", ConnectionStatus.DISCONNECTED.value)
    if state != ConnectionStatus.CONNECTED:
        detail = f"the instance is {state}; connect it first, and send again"
        raise Problem(409, "instance_not_connected", detail, state=state)


async def _sent(context: Context, command: SendMessage, wait: float) -> SendAnswer:
    """Raises Problem 502 `message_failed` or `message_unconfirmed`, and what the router refuses the message with."""
    taken_on = False

    def concerns(event: Event) -> bool:
        about = event.message.id if isinstance(event, MessageRecorded) else getattr(event, "message_id", None)
        return about == command.message_id

    def settled(event: Event) -> bool:
        nonlocal taken_on
        taken_on = taken_on or concerns(event)
        return concerns(event) and isinstance(event, MessageStatusChanged) and event.status not in _PENDING

    async with context.dispatcher.listening(command, MessageRecorded, MessageStatusChanged) as answers:
        await context.dispatcher.publish(command)
        event = await answers.first(settled, command, wait)
        if event is None and not taken_on and wait < _TAKE_ON_TIMEOUT_S:
            event = await answers.first(concerns, command, _TAKE_ON_TIMEOUT_S - wait)
    status = event.status if isinstance(event, MessageStatusChanged) else MessageStatus.QUEUED
    if isinstance(event, MessageStatusChanged) and status in _LOST:
        detail = event.error or "WhatsApp did not take the message"
        raise Problem(502, f"message_{status.value}", detail, messageId=command.message_id)
    return SendAnswer(messageId=command.message_id, status=status, timestamp=command.at)
