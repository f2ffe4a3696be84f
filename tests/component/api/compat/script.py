"""Events with which these tests play the session service and the router."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from shared.contracts.commands import ConnectInstance, SendMessage
from shared.contracts.events import ConnectionChanged, MessageStatusChanged, QrIssued
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.records import ConnectionStatus, MessageStatus
from shared.platform.mongo import Document

PNG = "data:image/png;base64,iVBORw0KGgoAAAA="
QR: Document = {"qr": "2@a1b2c3d4e5f6", "data_url": PNG, "ascii": "█", "attempt": 1}


def of(command: Command) -> dict[str, Any]:
    """What an event has from the command that caused it."""
    return {"organization_id": command.organization_id, "instance_id": command.instance_id, "cause": command.id}


def shown_qr() -> Document:
    """A code as the connection keeps it, valid for a minute."""
    return QR | {"expires_at": utc_now() + timedelta(minutes=1)}


def shows_qr(command: ConnectInstance) -> Iterable[Event]:
    return [QrIssued(**of(command), **shown_qr())]


def becomes(status: ConnectionStatus, **fields: Any) -> Callable[[Command], Iterable[Event]]:
    return lambda command: [ConnectionChanged(status=status, **of(command), **fields)]


def sends(command: SendMessage) -> Iterable[Event]:
    """WhatsApp takes the message."""
    status: dict[str, Any] = {"message_id": command.message_id, "status": MessageStatus.SENT, "wa_id": "3EB0"}
    return [MessageStatusChanged(**of(command), **status)]
