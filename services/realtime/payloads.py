"""Events of NATS → events of the socket. Pure; names and fields as the front ends of the contract expect them."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.contracts.ephemeral import ContactPresence, ContactTyping
from shared.contracts.events import (
    BookingCreated,
    BookingUpdated,
    ConnectionChanged,
    ContactCreated,
    ContactUpdated,
    ConversationUpdated,
    MessageRecorded,
    MessageRevised,
    MessageStatusChanged,
    MessageStuck,
    PairingCodeIssued,
    QrIssued,
)
from shared.contracts.message import EphemeralEvent, Event
from shared.contracts.principal import Scope
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import MessageRecord

Payload = dict[str, Any]
SocketEvents = list[tuple[str, Payload]]
EventT = TypeVar("EventT", bound=Event)

OFFLINE_STATUSES = frozenset({S.DISCONNECTED, S.RECONNECTING, S.LOGGED_OUT, S.RESTRICTED, S.FAILED})
"""States in which a front end shows the account as offline."""

_MAPPERS: dict[type[Event], Callable[[Any], SocketEvents]] = {}


def socket_events_of(event: Event, sequence: int) -> SocketEvents:
    """What the sockets of the organization are told, in order; empty for events that concern no front end.

    Every payload carries the `sequence` of the event in its stream; the events made from one share it.
    """
    maker = _MAPPERS.get(type(event))
    return [(name, payload | {"sequence": sequence}) for name, payload in maker(event)] if maker else []


def camel(value: Any) -> Any:
    """Keys in camelCase, all the way down; models as JSON values."""
    if isinstance(value, BaseModel):
        return camel(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {_camel_key(key): camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def _camel_key(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _maps(cls: type[EventT]) -> Callable[[Callable[[EventT], SocketEvents]], Callable[[EventT], SocketEvents]]:
    def register(maker: Callable[[EventT], SocketEvents]) -> Callable[[EventT], SocketEvents]:
        _MAPPERS[cls] = maker
        return maker

    return register


def _common_fields(event: Event | EphemeralEvent) -> Payload:
    at = event.model_dump(mode="json", include={"at"})["at"]
    return {"instanceId": event.instance_id, "organizationId": event.organization_id, "timestamp": at}


@_maps(QrIssued)
def _qr(event: QrIssued) -> SocketEvents:
    shown = {"qr": event.qr, "dataUrl": event.data_url, "ascii": event.ascii, "attempt": event.attempt}
    expires = {"expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:qr", _common_fields(event) | shown | expires)]


@_maps(PairingCodeIssued)
def _pairing_code(event: PairingCodeIssued) -> SocketEvents:
    code = {"pairingCode": event.code.replace("-", ""), "expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:pairing-code", _common_fields(event) | code | {"phoneNumber": event.phone_number})]


@_maps(ConnectionChanged)
def _connection(event: ConnectionChanged) -> SocketEvents:
    state = camel(event.model_dump(mode="json", exclude={"id", "at", "cause", "organization_id", "instance_id"}))
    found: SocketEvents = [("whatsapp:status", _common_fields(event) | state)]
    if event.status is S.CONNECTED and event.previous is not S.CONNECTED:
        online = _common_fields(event) | {"phoneNumber": event.phone_number, "phone_number": event.phone_number}
        found += [("whatsapp:connected", online), ("whatsapp:ready", dict(online))]
    elif event.status in OFFLINE_STATUSES and event.previous is not event.status:
        why = {"reason": event.reason, "detail": event.detail, "willRetry": event.will_retry}
        found.append(("whatsapp:disconnected", _common_fields(event) | why))
    return found


@_maps(MessageRecorded)
def _message(event: MessageRecorded) -> SocketEvents:
    """`new_message` for everything said in a conversation, `whatsapp:message` also for what arrived, and a note of the
    owner's under a name of its own: no front end of the contract expects notes among the messages."""
    record = event.message
    if record.kind == "note":
        return [("note:created", camel(record))]
    said = _message_fields(record)
    if record.direction == "outbound":
        return [("new_message", said)]
    arrived = {key: said[key] for key in ("id", "instanceId", "from", "timestamp", "contactId", "bookingId", "type")}
    arrived |= {"messageId": record.wa_id, "text": record.text, "organizationId": record.organization_id}
    arrived |= {key: said[key] for key in ("conversationId", "media", "group", "referral", "orderKey", *_QUOTE_FIELDS)}
    return [("whatsapp:message", arrived), ("new_message", said)]


_MESSAGE_FIELDS = (
    "id",
    "conversationId",
    "instanceId",
    "contactId",
    "bookingId",
    "timestamp",
    "status",
    "type",
    "media",
    "group",
    "referral",
    "origin",
    "clientId",
    "error",
    "orderKey",
    "editedAt",
    "editUnreadable",
    "revokedAt",
    "revokedBy",
    "revision",
)
_QUOTE_FIELDS = ("quotedMessageId", "quotedWaId")
"""Which message another one answers or reacts to: our id, when we have it, and WhatsApp's."""


def _message_fields(record: MessageRecord) -> Payload:
    shown = camel(record)
    said = {key: shown[key] for key in (*_MESSAGE_FIELDS, *_QUOTE_FIELDS)}
    said |= {"content": record.text, "isOutgoing": record.direction == "outbound"}
    return said | {"from": record.from_address, "to": record.to_address, "waId": record.wa_id}


@_maps(MessageRevised)
def _message_changed(event: MessageRevised) -> SocketEvents:
    """The whole message as `new_message` has it, and a note under the name its front ends know it by."""
    record, change = event.message, {"change": event.change}
    if record.kind == "note":
        return [("note:updated", camel(record) | change)]
    return [("message:updated", _message_fields(record) | change)]


@_maps(MessageStatusChanged)
def _status(event: MessageStatusChanged) -> SocketEvents:
    fields = camel(event.model_dump(mode="json", include={"message_id", "wa_id", "status", "error", "client_id"}))
    return [("message_status", _common_fields(event) | fields)]


@_maps(ContactCreated)
def _contact_created(event: ContactCreated) -> SocketEvents:
    return [("contact:created", camel(event.contact))]


@_maps(ContactUpdated)
def _contact_updated(event: ContactUpdated) -> SocketEvents:
    return [("contact:updated", camel(event.contact) | {"mergedIds": list(event.merged_ids)})]


@_maps(BookingCreated)
def _booking_created(event: BookingCreated) -> SocketEvents:
    return [("booking:created", camel(event.booking))]


@_maps(BookingUpdated)
def _booking_updated(event: BookingUpdated) -> SocketEvents:
    return [("booking:updated", camel(event.booking))]


@_maps(ConversationUpdated)
def _conversation_updated(event: ConversationUpdated) -> SocketEvents:
    return [("conversation:updated", camel(event.conversation))]


@_maps(MessageStuck)
def _message_stuck(event: MessageStuck) -> SocketEvents:
    fields = camel(event.model_dump(mode="json", include={"message_id", "status", "since", "conversation_id"}))
    return [("message:stuck", _common_fields(event) | fields)]


def ephemeral_events_of(live: EphemeralEvent) -> SocketEvents:
    """The same for what is only live: without `sequence`, for nobody is told it later."""
    if isinstance(live, ContactTyping):
        shown = camel(live.model_dump(mode="json", include={"contact_id", "conversation_id", "group", "state"}))
        return [
            ("typing", _common_fields(live) | shown | {"from": live.from_address, "isTyping": live.state != "paused"})
        ]
    if isinstance(live, ContactPresence):
        known = {"contact_id", "conversation_id", "available", "last_seen"}
        shown = camel(live.model_dump(mode="json", include=known))
        return [("presence", _common_fields(live) | shown | {"from": live.from_address})]
    return []


CONTROL_EVENTS = frozenset({"resync", "session:ended"})
"""About the socket itself."""
LINKING_EVENTS = frozenset({"whatsapp:qr", "whatsapp:pairing-code", "qr-code", "status-update", "session-complete"})
"""Whoever sees these can link the account to a phone."""


def scope_of(name: str) -> Scope | None:
    """What a socket needs to be told an event of this name; None: nothing."""
    if name in CONTROL_EVENTS:
        return None
    return "manage" if name in LINKING_EVENTS else "read"
