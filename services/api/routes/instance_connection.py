"""Connect an instance, disconnect it, log it out: commands to the session service, and their answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

from fastapi import APIRouter

from services.api.context import ApiContext, Ctx, Manager
from services.api.request_fields import Phone, RequestBody
from services.api.responses import Ok, Secret
from services.api.views.instance_status import connection_of
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.message import Event
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.platform.mongo import Document

router = APIRouter(prefix="/api/whatsapp/instances/{instance_id}", tags=["instances"])

PAIRING_CODE_TIMEOUT_S = 40.0
"""Seconds to wait for a pairing code: a connection, and an answer of WhatsApp."""
CONNECT_START_TIMEOUT_S = 2.0
"""Seconds to wait for a refusal or the first sign of a start; the command is kept whatever comes."""
DISCONNECT_TIMEOUT_S = 5.0
"""Seconds to wait until a connection is closed; it goes on when this is over."""


class ConnectRequest(RequestBody):
    """`code`: an 8-character code to type on the phone `phone_number`. `qr`: a code to scan, told over the socket."""

    phone_number: Phone | None = None
    method: Literal["code", "qr"] = "code"


class ConnectResult(Ok):
    """`pairingCode`: 8 characters, valid until `expires_at`. An account linked before needs none and is `connected`."""

    method: Literal["code", "qr"]
    message: str
    pairingCode: Secret | None = None
    expires_at: datetime | None = None
    status: S | None = None


class DisconnectResult(Ok):
    """`status`: what the connection is now."""

    status: S | None = None


@router.post("/connect", response_model_exclude_none=True)
async def connect(context: Ctx, caller: Manager, instance_id: str, body: ConnectRequest | None = None) -> ConnectResult:
    """Start the connection and keep it up, across restarts too. One that was deleted and not removed is there again."""
    wanted = body or ConnectRequest()
    found = await context.instances.get_not_removed(caller.organization_id, instance_id)
    command = ConnectInstance(
        organization_id=caller.organization_id,
        instance_id=instance_id,
        method=wanted.method,
        phone_number=await _number(context, found, wanted),
        network=Network(found["network"]),
    )
    if wanted.method == "code":
        return await _with_code(context, command)
    async with _instance_restored(context, command):
        await context.command_client.execute(command, ConnectionChanged, QrIssued, timeout=CONNECT_START_TIMEOUT_S)
    message = "connecting; the QR code comes over the socket as whatsapp:qr, and is at …/qr"
    return ConnectResult(method="qr", message=message)


@asynccontextmanager
async def _instance_restored(context: ApiContext, command: ConnectInstance) -> AsyncIterator[None]:
    """A deleted instance is in the lists again before the session service connects it, and out of them when the command
    is refused or could not be stored."""
    of = (command.organization_id, command.instance_id, command.id)
    await context.instances.restore(*of)
    try:
        yield
    except Problem:
        await context.instances.undo_restore(*of)
        raise


async def _number(context: ApiContext, found: Document, wanted: ConnectRequest) -> str | None:
    """Raises Problem 400 when a code is wanted and nobody knows for which number."""
    link = await connection_of(context.database, found["organization_id"], found["_id"])
    number: str | None = wanted.phone_number or found["phone_number"] or link.get("phone_number")
    if wanted.method == "code" and number is None:
        detail = "phone_number: a pairing code is made for a number; name it, or connect with method qr"
        raise Problem(400, "missing_field", detail, errors=[_missing_number(detail)])
    return number


def _missing_number(detail: str) -> dict[str, str]:
    return {"field": "phone_number", "code": "missing", "message": detail.removeprefix("phone_number: ")}


async def _with_code(context: ApiContext, command: ConnectInstance) -> ConnectResult:
    async with _instance_restored(context, command):
        event = await connect_and_await_code(context, command, PairingCodeIssued, PAIRING_CODE_TIMEOUT_S)
    if isinstance(event, PairingCodeIssued):
        message = "type this code on the phone: WhatsApp, Linked devices, Link with phone number"
        code, until = event.code.replace("-", ""), event.expires_at
        return ConnectResult(method="code", message=message, pairingCode=code, expires_at=until)
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
async def disconnect(context: Ctx, caller: Manager, instance_id: str) -> DisconnectResult:
    """Close the connection and keep the device keys: the next connect needs no code."""
    await context.instances.get(caller.organization_id, instance_id)
    command = DisconnectInstance(organization_id=caller.organization_id, instance_id=instance_id)
    return await _close(context, command)


@router.post("/logout")
async def logout(context: Ctx, caller: Manager, instance_id: str) -> DisconnectResult:
    """Unlink the device at WhatsApp and forget its keys."""
    await context.instances.get(caller.organization_id, instance_id)
    command = LogoutInstance(organization_id=caller.organization_id, instance_id=instance_id)
    return await _close(context, command)


async def _close(context: ApiContext, command: DisconnectInstance | LogoutInstance) -> DisconnectResult:
    def closed(event: Event) -> bool:
        return event.cause == command.id and isinstance(event, ConnectionChanged) and event.status.is_settled

    async with context.command_client.replies(command, ConnectionChanged) as answers:
        await context.command_client.publish(command)
        event = await answers.first(closed, command, DISCONNECT_TIMEOUT_S)
    return DisconnectResult(status=event.status if isinstance(event, ConnectionChanged) else None)
