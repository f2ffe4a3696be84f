"""Connects, disconnects and logs out instances, by commands to the session service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

from fastapi import APIRouter

from services.api.context import ApiContext, Ctx, Manager
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import Phone, RequestBody
from services.api.responses import Ok, Secret
from services.api.views.instance_status import connection_of
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.instance_records import InstanceRecord
from shared.contracts.message import Event
from shared.contracts.records import ConnectionStatus as S

router = APIRouter(prefix="/api/whatsapp/instances/{instance_id}", tags=["instances"])

PAIRING_CODE_TIMEOUT_S = 40.0
"""For a pairing code: connecting, and a response of WhatsApp."""
CONNECT_START_TIMEOUT_S = 2.0
"""For a refusal or the first event of connecting; the command stays stored in any case."""
DISCONNECT_TIMEOUT_S = 5.0
"""For closing a connection, which continues after this time."""


class ConnectRequest(RequestBody):
    """`code`: an 8-character code to type on the phone `phone_number`. `qr`: a code to scan, sent over the socket."""

    phone_number: Phone | None = None
    method: Literal["code", "qr"] = "code"


class ConnectResult(Ok):
    """`pairingCode`: 8 characters, valid until `expires_at`. None for an account that is linked already; then `status`
    is `connected`."""

    method: Literal["code", "qr"]
    message: str
    pairingCode: Secret | None = None
    expires_at: datetime | None = None
    status: S | None = None


class DisconnectResult(Ok):
    """`status`: of the connection now; null when it is not closed yet."""

    status: S | None = None


@router.post("/connect", response_model_exclude_none=True)
@served_on_nats(
    "wa.command.instance.connect",
    "ConnectInstanceRequest",
    is_slow=True,
    note="`code`: wait 45 s for the reply.",
)
async def connect(context: Ctx, caller: Manager, instance_id: str, body: ConnectRequest | None = None) -> ConnectResult:
    """Connect, and stay connected across restarts. A deleted instance that was not removed is restored."""
    request = body or ConnectRequest()
    instance = await context.instances.get_not_removed(caller.organization_id, instance_id)
    command = ConnectInstance(
        organization_id=caller.organization_id,
        instance_id=instance_id,
        method=request.method,
        phone_number=await _number(context, instance, request),
        network=instance.network,
    )
    if request.method == "code":
        return await _with_code(context, command)
    async with _instance_restored(context, command):
        await context.command_client.execute(command, ConnectionChanged, QrIssued, timeout=CONNECT_START_TIMEOUT_S)
    message = "connecting; the QR code comes over the socket as whatsapp:qr, and is at …/qr"
    return ConnectResult(method="qr", message=message)


@asynccontextmanager
async def _instance_restored(context: ApiContext, command: ConnectInstance) -> AsyncIterator[None]:
    """Restore a deleted instance before the session service connects it; undo that when the command is refused or could
    not be stored."""
    arguments = (command.organization_id, command.instance_id, command.id)
    await context.instances.restore(*arguments)
    try:
        yield
    except Problem:
        await context.instances.undo_restore(*arguments)
        raise


async def _number(context: ApiContext, instance: InstanceRecord, request: ConnectRequest) -> str | None:
    """The number to link. Raises Problem 400 `missing_field` when a code is requested without a known number."""
    connection = await connection_of(context.database, instance.organization_id, instance.id)
    phone_number = request.phone_number or instance.phone_number or connection.phone_number
    if request.method == "code" and phone_number is None:
        detail = "a pairing code is made for a number; name it, or connect with method qr"
        raise Problem(
            400,
            "missing_field",
            f"phone_number: {detail}",
            errors=[{"field": "phone_number", "code": "missing", "message": detail}],
        )
    return phone_number


async def _with_code(context: ApiContext, command: ConnectInstance) -> ConnectResult:
    async with _instance_restored(context, command):
        event = await connect_and_await_code(context, command, PairingCodeIssued, PAIRING_CODE_TIMEOUT_S)
    if isinstance(event, PairingCodeIssued):
        message = "type this code on the phone: WhatsApp, Linked devices, Link with phone number"
        code, expires_at = event.code.replace("-", ""), event.expires_at
        return ConnectResult(method="code", message=message, pairingCode=code, expires_at=expires_at)
    if not isinstance(event, ConnectionChanged):
        detail = f"no pairing code within {PAIRING_CODE_TIMEOUT_S:g} s; look at …/status"
        raise Problem(504, "pairing_code_timeout", detail)
    require_connected(event, "look at …/status")
    return ConnectResult(method="code", message="linked already, and connected", status=event.status)


async def connect_and_await_code(
    context: ApiContext, command: ConnectInstance, code: type[Event], timeout_s: float
) -> Event | None:
    """Publish the command and wait for an event of the class `code` of this instance, or for the end of this attempt to
    connect (ConnectionChanged); None after `timeout_s`. The code of an earlier attempt serves as well."""

    def is_outcome(event: Event) -> bool:
        if event.instance_id != command.instance_id:
            return False
        ended = isinstance(event, ConnectionChanged) and event.status.is_settled and event.cause == command.id
        return ended or isinstance(event, code)

    async with context.command_client.replies(command, code, ConnectionChanged) as replies:
        await context.command_client.publish(command)
        return await replies.first(is_outcome, command, timeout_s)


def require_connected(event: ConnectionChanged, advice: str) -> None:
    """Raises Problem 502 with the reason when an attempt to connect ended otherwise."""
    if event.status is not S.CONNECTED:
        detail = event.detail or f"the connection ended as {event.status}; {advice}"
        raise Problem(502, event.reason or "connect_failed", detail, state=event.status.value)


@router.post("/disconnect")
@served_on_nats("wa.command.instance.disconnect", "DisconnectInstanceRequest", is_slow=True)
async def disconnect(context: Ctx, caller: Manager, instance_id: str) -> DisconnectResult:
    """Close the connection and keep the device keys: the next connect needs no code."""
    await context.instances.require(caller.organization_id, instance_id)
    command = DisconnectInstance(organization_id=caller.organization_id, instance_id=instance_id)
    return await _close(context, command)


@router.post("/logout")
@served_on_nats("wa.command.instance.logout", "LogoutInstanceRequest", is_slow=True)
async def logout(context: Ctx, caller: Manager, instance_id: str) -> DisconnectResult:
    """Unlink the device at WhatsApp and forget its keys."""
    await context.instances.require(caller.organization_id, instance_id)
    command = LogoutInstance(organization_id=caller.organization_id, instance_id=instance_id)
    return await _close(context, command)


async def _close(context: ApiContext, command: DisconnectInstance | LogoutInstance) -> DisconnectResult:
    def is_closed(event: Event) -> bool:
        return event.cause == command.id and isinstance(event, ConnectionChanged) and event.status.is_settled

    async with context.command_client.replies(command, ConnectionChanged) as answers:
        await context.command_client.publish(command)
        event = await answers.first(is_closed, command, DISCONNECT_TIMEOUT_S)
    context.connected_instances.remove(command.organization_id, command.instance_id)
    return DisconnectResult(status=event.status if isinstance(event, ConnectionChanged) else None)
