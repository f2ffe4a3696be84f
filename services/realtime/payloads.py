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
Wire = list[tuple[str, Payload]]
E = TypeVar("E", bound=Event)

ENDED = frozenset({S.DISCONNECTED, S.RECONNECTING, S.LOGGED_OUT, S.RESTRICTED, S.FAILED})
"""States in which a front end shows the account as offline."""

_MAKERS: dict[type[Event], Callable[[Any], Wire]] = {}


def to_wire(event: Event, sequence: int) -> Wire:
    """What the sockets of the organization are told, in order; empty for events that concern no front end.

    Every payload carries the `sequence` of the event in its stream; the events made from one share it.
    """
    maker = _MAKERS.get(type(event))
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


def _makes(cls: type[E]) -> Callable[[Callable[[E], Wire]], Callable[[E], Wire]]:
    def register(maker: Callable[[E], Wire]) -> Callable[[E], Wire]:
        _MAKERS[cls] = maker
        return maker

    return register


def _common(event: Event | EphemeralEvent) -> Payload:
    at = event.model_dump(mode="json", include={"at"})["at"]
    return {"instanceId": event.instance_id, "organizationId": event.organization_id, "timestamp": at}


@_makes(QrIssued)
def _qr(event: QrIssued) -> Wire:
    shown = {"qr": event.qr, "dataUrl": event.data_url, "ascii": event.ascii, "attempt": event.attempt}
    expires = {"expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:qr", _common(event) | shown | expires)]


@_makes(PairingCodeIssued)
def _pairing_code(event: PairingCodeIssued) -> Wire:
    code = {"pairingCode": event.code.replace("-", ""), "expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:pairing-code", _common(event) | code | {"phoneNumber": event.phone_number})]


@_makes(ConnectionChanged)
def _connection(event: ConnectionChanged) -> Wire:
    state = camel(event.model_dump(mode="json", exclude={"id", "at", "cause", "organization_id", "instance_id"}))
    found: Wire = [("whatsapp:status", _common(event) | state)]
    if event.status is S.CONNECTED and event.previous is not S.CONNECTED:
        online = _common(event) | {"phoneNumber": event.phone_number, "phone_number": event.phone_number}
        found += [("whatsapp:connected", online), ("whatsapp:ready", dict(online))]
    elif event.status in ENDED and event.previous is not event.status:
        why = {"reason": event.reason, "detail": event.detail, "willRetry": event.will_retry}
        found.append(("whatsapp:disconnected", _common(event) | why))
    return found


@_makes(MessageRecorded)
def _message(event: MessageRecorded) -> Wire:
    """`new_message` for everything said in a conversation, `whatsapp:message` also for what arrived, and a note of the
    owner's under a name of its own: no front end of the contract expects notes among the messages."""
    record = event.message
    if record.kind == "note":
        return [("note:created", camel(record))]
    said = _said(record)
    if record.direction == "outbound":
        return [("new_message", said)]
    arrived = {key: said[key] for key in ("id", "instanceId", "from", "timestamp", "contactId", "bookingId", "type")}
    arrived |= {"messageId": record.wa_id, "text": record.text, "organizationId": record.organization_id}
    arrived |= {key: said[key] for key in ("conversationId", "media", "group", "referral", "orderKey", *_ABOUT)}
    return [("whatsapp:message", arrived), ("new_message", said)]


_SAID = (
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
_ABOUT = ("quotedMessageId", "quotedWaId")
"""Which message another one answers or reacts to: our id, when we have it, and WhatsApp's."""


def _said(record: MessageRecord) -> Payload:
    shown = camel(record)
    said = {key: shown[key] for key in (*_SAID, *_ABOUT)}
    said |= {"content": record.text, "isOutgoing": record.direction == "outbound"}
    return said | {"from": record.from_address, "to": record.to_address, "waId": record.wa_id}


@_makes(MessageRevised)
def _message_changed(event: MessageRevised) -> Wire:
    """The whole message as `new_message` has it, and a note under the name its front ends know it by."""
    record, change = event.message, {"change": event.change}
    if record.kind == "note":
        return [("note:updated", camel(record) | change)]
    return [("message:updated", _said(record) | change)]


@_makes(MessageStatusChanged)
def _status(event: MessageStatusChanged) -> Wire:
    fields = camel(event.model_dump(mode="json", include={"message_id", "wa_id", "status", "error", "client_id"}))
    return [("message_status", _common(event) | fields)]


@_makes(ContactCreated)
def _contact_created(event: ContactCreated) -> Wire:
    return [("contact:created", camel(event.contact))]


@_makes(ContactUpdated)
def _contact_updated(event: ContactUpdated) -> Wire:
    return [("contact:updated", camel(event.contact) | {"mergedIds": list(event.merged_ids)})]


@_makes(BookingCreated)
def _booking_created(event: BookingCreated) -> Wire:
    return [("booking:created", camel(event.booking))]


@_makes(BookingUpdated)
def _booking_updated(event: BookingUpdated) -> Wire:
    return [("booking:updated", camel(event.booking))]


@_makes(ConversationUpdated)
def _conversation_updated(event: ConversationUpdated) -> Wire:
    return [("conversation:updated", camel(event.conversation))]


@_makes(MessageStuck)
def _stuck(event: MessageStuck) -> Wire:
    fields = camel(event.model_dump(mode="json", include={"message_id", "status", "since", "conversation_id"}))
    return [("message:stuck", _common(event) | fields)]


def live_wire(live: EphemeralEvent) -> Wire:
    """The same for what is only live: without `sequence`, for nobody is told it later."""
    if isinstance(live, ContactTyping):
        shown = camel(live.model_dump(mode="json", include={"contact_id", "conversation_id", "group", "state"}))
        return [("typing", _common(live) | shown | {"from": live.from_address, "isTyping": live.state != "paused"})]
    if isinstance(live, ContactPresence):
        known = {"contact_id", "conversation_id", "available", "last_seen"}
        shown = camel(live.model_dump(mode="json", include=known))
        return [("presence", _common(live) | shown | {"from": live.from_address})]
    return []


_CONTROL = frozenset({"resync", "session:ended"})
"""About the socket itself."""
_LINKING = frozenset({"whatsapp:qr", "whatsapp:pairing-code", "qr-code", "status-update", "session-complete"})
"""Whoever sees these can link the account to a phone."""


def scope_of(name: str) -> Scope | None:
    """What a socket needs to be told an event of this name; None: nothing."""
    if name in _CONTROL:
        return None
    return "manage" if name in _LINKING else "read"
