"""Sends a text from an instance."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import Field, StringConstraints

from services.api.context import ApiContext, Ctx, Sender
from services.api.dependencies import depends_on
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import Recipient, RequestBody, Text
from services.api.responses import Ok
from services.api.store.send_idempotency_keys import SendKey
from services.api.views.instance_status import read_connection_status
from shared.contracts.commands import MAX_SEND_EXPIRY_S, SEND_EXPIRY, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.contracts.records import ConnectionStatus, MessageStatus
from shared.messaging.send_and_wait import send_and_wait

router = APIRouter(prefix="/api/whatsapp/instances/{instance_id}", tags=["messages"])

_ACCEPT_TIMEOUT_S = 2.0
"""The router accepts or refuses a message within this time. A request waits at least as long, even if its `wait` is
shorter: otherwise the caller would not learn of a refusal."""

Expiry = Annotated[float, Field(ge=1, le=MAX_SEND_EXPIRY_S, allow_inf_nan=False)]
"""Seconds until a text that could not be given to WhatsApp fails as `too_late`."""
Wait = Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=255)] | None,
    Header(alias="Idempotency-Key", description="The same key within a day is the same message, sent once"),
]


class SendBody(RequestBody):
    """`to`: a number with or without a JID suffix. `wait`: seconds to wait for WhatsApp's acknowledgement. A text that
    could not be given to WhatsApp within `expires_in` seconds fails as `too_late`."""

    to: Recipient
    message: Text
    wait: Wait = 10.0
    expires_in: Expiry = SEND_EXPIRY.total_seconds()


class SendResponse(Ok):
    """`messageId`: for /api/messages. `conversationId`: null when it is not known yet, and for notes;
    /api/messages/{messageId} has it as soon as the message is recorded. `status`: `queued` (with HTTP 202) until
    WhatsApp acknowledged it."""

    messageId: str
    conversationId: str | None = None
    status: MessageStatus
    timestamp: datetime


@dataclass(frozen=True)
class SendParameters:
    """Parameters of a send; requests with the same `key` are the same message."""

    caller: Sender
    instance_id: str
    body: SendBody
    key: IdempotencyKey = None


@dataclass(frozen=True)
class OutgoingText:
    """A text from an instance to a number or into a conversation. `client_id`: the front end's own id of the message,
    the idempotency key unless there is a `key`."""

    caller: Principal
    instance_id: str
    text: str
    to: str | None = None
    conversation_id: str | None = None
    key: str | None = None
    client_id: str | None = None
    wait: float = 10.0
    expires_in: float = SEND_EXPIRY.total_seconds()

    @property
    def send_key(self) -> SendKey | None:
        kind, key = ("key", self.key) if self.key else ("client id", self.client_id)
        return SendKey(self.caller.organization_id, self.caller.subject, kind, key) if key else None

    @property
    def fingerprint_parts(self) -> tuple[str, ...]:
        """What identifies the request when its key is used again."""
        recipient = ("", self.conversation_id or "") if self.to is None else (self.to,)
        return (self.instance_id, *recipient, self.text)


@router.post("/send", responses={202: {"model": SendResponse, "description": "Queued, not acknowledged yet"}})
@served_on_nats("wa.command.instance.send", "SendRequest", is_slow=True)
async def send(
    context: Ctx, request: Annotated[SendParameters, depends_on(SendParameters)], response: Response
) -> SendResponse:
    """Send a text, and wait until WhatsApp acknowledged it. 502 `message_failed`: its `reason` is a code, such as
    `not_on_whatsapp` when no account has the number."""
    body = request.body
    outgoing = OutgoingText(
        request.caller,
        request.instance_id,
        body.message,
        to=body.to,
        key=request.key,
        wait=body.wait,
        expires_in=body.expires_in,
    )
    return await deliver(context, outgoing, response)


async def deliver(context: ApiContext, outgoing: OutgoingText, response: Response) -> SendResponse:
    """Send the text, once for each idempotency key. Raises Problem 404 `instance_not_found`, and those of the functions
    below."""
    organization_id = outgoing.caller.organization_id
    if not context.connected_instances.contains(organization_id, outgoing.instance_id):
        await context.instances.require(organization_id, outgoing.instance_id)
    message_id, now = await _message_id(context, outgoing), utc_now()
    command = SendMessage(
        organization_id=organization_id,
        instance_id=outgoing.instance_id,
        message_id=message_id,
        to=outgoing.to,
        conversation_id=outgoing.conversation_id if outgoing.to is None else None,
        text=outgoing.text,
        client_id=outgoing.client_id,
        at=now,
        expires_at=now + timedelta(seconds=outgoing.expires_in),
    )
    result = await _publish_and_wait(context, command, outgoing.wait)
    response.status_code = 202 if result.status is MessageStatus.QUEUED else 200
    return result


async def _message_id(context: ApiContext, outgoing: OutgoingText) -> str:
    """The message id of the key, or a new one. Raises Problem 409 `instance_not_connected`, unless the key was used
    before: the router may be about to accept the command of that request, so only the router may refuse this one. A
    refused send does not use up its key."""
    key = outgoing.send_key
    if not (key and await context.send_idempotency_keys.find(key, *outgoing.fingerprint_parts)):
        await _require_connected(context, outgoing.caller.organization_id, outgoing.instance_id)
    return await context.send_idempotency_keys.claim(key, *outgoing.fingerprint_parts) if key else new_id()


async def _require_connected(context: ApiContext, organization_id: str, instance_id: str) -> None:
    if context.connected_instances.contains(organization_id, instance_id):
        return
    add_connected = context.connected_instances.begin_read()
    status = await read_connection_status(context.database, organization_id, instance_id)
    if status != ConnectionStatus.CONNECTED:
        detail = f"the instance is {status}; connect it first, and send again"
        raise Problem(409, "instance_not_connected", detail, state=status)
    add_connected(organization_id, instance_id)


async def _publish_and_wait(context: ApiContext, command: SendMessage, wait: float) -> SendResponse:
    """Publish the command and wait for its outcome. Raises Problem 502 `message_failed` or `message_unconfirmed`, and
    the Problem of a refusal by the router."""
    outcome = await send_and_wait(context.command_client, command, wait, accept_timeout_s=_ACCEPT_TIMEOUT_S)
    if outcome.status.is_failed_send:
        detail = outcome.error or "WhatsApp did not take the message"
        named = {"messageId": outcome.message_id, "conversationId": outcome.conversation_id, "reason": outcome.reason}
        raise Problem(502, f"message_{outcome.status.value}", detail, **named)
    return SendResponse(
        messageId=outcome.message_id,
        conversationId=outcome.conversation_id,
        status=outcome.status,
        timestamp=command.at,
    )
