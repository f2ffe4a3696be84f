"""Events of NATS → events of sockets. Pure; names and fields are the contract with front ends."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from shared.contracts.ephemeral import (
    VIEWING_LIFETIME_S,
    ColleagueTyping,
    ColleagueViewing,
    ContactPresence,
    ContactTyping,
)
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

Payload = dict[str, object]
"""A JSON object."""
SocketEvents = list[tuple[str, Payload]]
EventT = TypeVar("EventT", bound=Event)

_MAPPERS: dict[type[Event], Callable[..., SocketEvents]] = {}
_camel_key = lru_cache(maxsize=1_000)(to_camel)


def socket_events_of(event: Event, sequence: int) -> SocketEvents:
    """What the sockets of the organization receive, in order; empty for events that front ends do not receive.

    Every payload contains the `sequence` of the event in its stream; socket events made from the same event share it.
    """
    mapper = _MAPPERS.get(type(event))
    return [(name, payload | {"sequence": sequence}) for name, payload in mapper(event)] if mapper else []


def camel(fields: BaseModel | Mapping[str, object]) -> Payload:
    """Keys in camelCase, on all levels; a model as JSON values."""
    values = fields.model_dump(mode="json") if isinstance(fields, BaseModel) else fields
    return {_camel_key(key): _camel_value(value) for key, value in values.items()}


def _camel_value(value: object) -> object:
    if isinstance(value, dict):
        return {_camel_key(key): _camel_value(item) for key, item in value.items()}
    return [_camel_value(item) for item in value] if isinstance(value, list) else value


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
    code = {"qr": event.qr, "dataUrl": event.data_url, "ascii": event.ascii, "attempt": event.attempt}
    expires = {"expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:qr", _common_fields(event) | code | expires)]


@_maps(PairingCodeIssued)
def _pairing_code(event: PairingCodeIssued) -> SocketEvents:
    code = {"pairingCode": event.code.replace("-", ""), "expiresAt": event.expires_at.isoformat()}
    return [("whatsapp:pairing-code", _common_fields(event) | code | {"phoneNumber": event.phone_number})]


@_maps(ConnectionChanged)
def _connection(event: ConnectionChanged) -> SocketEvents:
    state = camel(event.model_dump(mode="json", exclude={"id", "at", "cause", "organization_id", "instance_id"}))
    events: SocketEvents = [("whatsapp:status", _common_fields(event) | state)]
    if event.status is S.CONNECTED and event.previous is not S.CONNECTED:
        online = _common_fields(event) | {"phoneNumber": event.phone_number, "phone_number": event.phone_number}
        events += [("whatsapp:connected", online), ("whatsapp:ready", dict(online))]
    elif event.status.is_offline and event.previous is not event.status:
        why = {"reason": event.reason, "detail": event.detail, "willRetry": event.will_retry}
        events.append(("whatsapp:disconnected", _common_fields(event) | why))
    return events


@_maps(MessageRecorded)
def _message(event: MessageRecorded) -> SocketEvents:
    """`new_message` for every message of a conversation, and `whatsapp:message` also for an inbound one. A note is
    `note:created`: front ends do not expect notes among the messages."""
    record = event.message
    if record.kind == "note":
        return [("note:created", camel(record))]
    fields = _message_fields(record)
    if record.direction == "outbound":
        return [("new_message", fields)]
    inbound = {key: fields[key] for key in ("id", "instanceId", "from", "timestamp", "contactId", "bookingId", "type")}
    inbound |= {"messageId": record.wa_id, "text": record.text, "organizationId": record.organization_id}
    inbound |= {
        key: fields[key] for key in ("conversationId", "media", "group", "referral", "orderKey", *_QUOTE_FIELDS)
    }
    return [("whatsapp:message", inbound), ("new_message", fields)]


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
"""The message that this one answers or reacts to: our id, when we have it, and WhatsApp's."""


def _message_fields(record: MessageRecord) -> Payload:
    values = camel(record)
    fields = {key: values[key] for key in (*_MESSAGE_FIELDS, *_QUOTE_FIELDS)}
    fields |= {"content": record.text, "isOutgoing": record.direction == "outbound"}
    return fields | {"from": record.from_address, "to": record.to_address, "waId": record.wa_id}


@_maps(MessageRevised)
def _message_changed(event: MessageRevised) -> SocketEvents:
    """The whole message with the fields of `new_message`; a note with those of `note:created`."""
    record, change = event.message, {"change": event.change}
    if record.kind == "note":
        return [("note:updated", camel(record) | change)]
    return [("message:updated", _message_fields(record) | change)]


@_maps(MessageStatusChanged)
def _status(event: MessageStatusChanged) -> SocketEvents:
    included = {"message_id", "conversation_id", "wa_id", "status", "error", "client_id"}
    fields = camel(event.model_dump(mode="json", include=included))
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


def ephemeral_events_of(event: EphemeralEvent) -> SocketEvents:
    """The same for ephemeral events: without `sequence`, because they are never replayed."""
    if isinstance(event, ContactTyping):
        fields = camel(event.model_dump(mode="json", include={"contact_id", "conversation_id", "group", "state"}))
        fields |= {"from": event.from_address, "isTyping": event.state != "paused"}
        return [("typing", _common_fields(event) | fields)]
    if isinstance(event, ContactPresence):
        included = {"contact_id", "conversation_id", "available", "last_seen"}
        fields = camel(event.model_dump(mode="json", include=included))
        return [("presence", _common_fields(event) | fields | {"from": event.from_address})]
    if isinstance(event, ColleagueTyping):
        fields = camel(event.model_dump(mode="json", include={"conversation_id", "user_id", "state"}))
        return [("colleague:typing", _common_fields(event) | fields)]
    if isinstance(event, ColleagueViewing):
        fields = camel(event.model_dump(mode="json", include={"conversation_id", "user_id", "viewing"}))
        return [("colleague:viewing", _common_fields(event) | fields | {"expiresIn": VIEWING_LIFETIME_S})]
    return []


def author_of(event: EphemeralEvent) -> str | None:
    """The user whose own sockets do not receive this event; None: all sockets do."""
    return event.user_id if isinstance(event, ColleagueTyping | ColleagueViewing) else None


CONTROL_EVENTS = frozenset({"resync", "session:ended"})
"""About the socket itself: every socket receives them."""
LINKING_EVENTS = frozenset({"whatsapp:qr", "whatsapp:pairing-code", "qr-code", "status-update", "session-complete"})
"""Whoever receives these can link the account to a phone."""


def scope_of(name: str) -> Scope | None:
    """The scope a socket needs to receive an event of this name; None: no scope."""
    if name in CONTROL_EVENTS:
        return None
    return "manage" if name in LINKING_EVENTS else "read"
