"""All events. The class is the contract: subject, fields and meaning in one place."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.contracts.access_events import AccessRevoked as AccessRevoked
from shared.contracts.ids import derived_id
from shared.contracts.message import Event
from shared.contracts.message_parts import Media, Referral
from shared.contracts.message_type import MessageType
from shared.contracts.order_keys import OrderKey
from shared.contracts.records import (
    Booking,
    ConnectionStatus,
    Contact,
    ConversationRecord,
    MessageRecord,
    MessageStatus,
    Network,
    Party,
)
from shared.text.bounded_text import BoundedName, BoundedText

# --- published by session ------------------------------------------------------------------------------------------


class QrIssued(Event):
    """WhatsApp issued a QR code to link the account with; it replaces the previous one."""

    subject: ClassVar[str] = "wa.event.qr.issued"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    qr: str
    """Raw text."""
    data_url: str
    """PNG as data URL."""
    ascii: str
    attempt: int
    expires_at: datetime


class PairingCodeIssued(Event):
    """An 8-character code to type on the phone, `ABCD-EFGH`."""

    subject: ClassVar[str] = "wa.event.pairing-code.issued"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    code: str
    phone_number: str
    expires_at: datetime


class ConnectionChanged(Event):
    """The connection of an instance entered a state; `reason` is a code, `detail` a sentence with the remedy."""

    subject: ClassVar[str] = "wa.event.connection.changed"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    status: ConnectionStatus
    previous: ConnectionStatus | None = None
    reason: str | None = None
    detail: str | None = None
    will_retry: bool = False
    phone_number: str | None = None
    previous_phone_number: str | None = None
    """The number the instance had until another phone linked it."""
    network: Network = Network.WHATSAPP
    until: datetime | None = None
    """End of a restriction, if WhatsApp named one."""


class MessageReceived(Event):
    """The account received a message: from a contact, or written by the owner on another device (`from_me`).

    `wa_id` is unique for one chat, sender and direction only. `id` is derived from these, so a redelivery is the same
    event. `sender` is the author; `chat` is the other person of a one-to-one chat; `group` is set instead of
    `chat` for groups. Messages of the types `undecryptable` (a readable copy may follow) and `unavailable` (not sent to
    linked devices, such as view-once media) have no content; `edit` and `revoke` change the message they name.
    """

    subject: ClassVar[str] = "wa.event.message.received"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    wa_id: str
    from_me: bool = False
    sender: Party
    chat: Party | None = None
    group: str | None = None
    push_name: BoundedName | None = None
    type: MessageType = MessageType.TEXT
    text: BoundedText | None = None
    media: Media | None = None
    referral: Referral | None = None
    quoted_wa_id: str | None = None
    """WhatsApp's id of the message this one answers, reacts to, edits or revokes."""
    quoted_sender: Party | None = None
    """The author of that message, if this one names them."""
    unreadable: bool = False
    """An edit whose new text this device cannot read."""
    by_admin: bool = False
    """A revoke by an admin of the group, who may delete messages of others."""
    timestamp: datetime
    """WhatsApp's time, in whole seconds: for display, not for sorting."""
    order_key: OrderKey | None = None
    """When the account's journal stored it, in microseconds of our clock: greater than the key of every earlier message
    of the account, received or sent. None: published by an earlier version."""


class ReceiptReceived(Event):
    """The recipient's devices confirmed messages that we sent."""

    subject: ClassVar[str] = "wa.event.receipt.received"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    wa_ids: list[str]
    status: Literal["delivered", "read", "played"]
    sender: Party | None = None
    timestamp: datetime


class MessagesReadElsewhere(Event):
    """The owner of the account read these messages on the phone or on another linked device. `chat`: the contact who
    wrote them, or `group`; an earlier version sends neither."""

    subject: ClassVar[str] = "wa.event.message.read-elsewhere"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    wa_ids: list[str]
    chat: Party | None = None
    group: str | None = None
    timestamp: datetime


class MessageSent(Event):
    """WhatsApp accepted a message that we sent. `message_id` is the id of our record, `wa_id` WhatsApp's."""

    subject: ClassVar[str] = "wa.event.message.sent"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    message_id: str
    wa_id: str
    timestamp: datetime

    @staticmethod
    def id_for(message_id: str) -> str:
        """The id of the event, the same for every delivery of the command that sends the message."""
        return derived_id(message_id, "sent")


class MessageFailed(Event):
    """WhatsApp did not accept a message. `unconfirmed`: a crash hid the result, the message may have been sent."""

    subject: ClassVar[str] = "wa.event.message.failed"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    message_id: str
    code: str
    detail: str
    unconfirmed: bool = False

    @property
    def deduplication_id(self) -> str:
        """A process may end after it published MessageSent and before it stored the outcome: the stream then drops the
        event that the outcome is not known."""
        if self.unconfirmed:
            return f"{MessageSent.subject}:{MessageSent.id_for(self.message_id)}"
        return super().deduplication_id


# --- published by router -------------------------------------------------------------------------------------------


class MessageRecorded(Event):
    """The router stored a message or note, with its contact and booking."""

    subject: ClassVar[str] = "wa.event.message.recorded"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message: MessageRecord


class MessageRevised(Event):
    """A message was edited by its author, or deleted for everyone by its author or by an admin of the group; or the
    message it quotes was found (`quote_found`: `quoted_message_id` is set now). `message` is the record after the
    change. Events of one message may arrive in another order than its changes: the greatest `message.revision` is the
    newest."""

    subject: ClassVar[str] = "wa.event.message.revised"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message: MessageRecord
    change: Literal["edited", "revoked", "quote_found"]


class MessageStatusChanged(Event):
    """A message that we sent changed its status: sent, delivered, read, played, failed or unconfirmed."""

    subject: ClassVar[str] = "wa.event.message.status-changed"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    wa_id: str | None = None
    status: MessageStatus
    error: str | None = None
    """A code of the session service, such as `not_on_whatsapp`, and behind `: ` what it knows about it."""
    client_id: str | None = None
    conversation_id: str | None = None
    """None for notes, and in events of an earlier version."""


class ContactCreated(Event):
    """A person wrote, or was written to, for the first time."""

    subject: ClassVar[str] = "wa.event.contact.created"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    contact: Contact


class ContactUpdated(Event):
    """A contact's name or addresses changed, or contacts (`merged_ids`) were merged into it."""

    subject: ClassVar[str] = "wa.event.contact.updated"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    contact: Contact
    merged_ids: tuple[str, ...] = ()


class BookingCreated(Event):
    """A message or a person opened a booking."""

    subject: ClassVar[str] = "wa.event.booking.created"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    booking: Booking


class BookingUpdated(Event):
    """A booking's status or time changed, or a note was added."""

    subject: ClassVar[str] = "wa.event.booking.updated"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    booking: Booking


class ConversationUpdated(Event):
    """A conversation was marked read, assigned, closed or reopened."""

    subject: ClassVar[str] = "wa.event.conversation.updated"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    conversation: ConversationRecord


class MessageStuck(Event):
    """A message that we sent has had the status `queued` or `sent` for too long, since `since`. Once for each
    status."""

    subject: ClassVar[str] = "wa.event.message.stuck"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    status: MessageStatus
    since: datetime
    conversation_id: str | None = None


# --- published by api ---------------------------------------------------------------------------------------------


class SettingsChanged(Event):
    """Somebody changed the settings of the organization, or of the instance `instance_id`."""

    subject: ClassVar[str] = "wa.event.settings.changed"
    publishers: ClassVar[tuple[str, ...]] = ("api",)


# --- published by the service that refuses -------------------------------------------------------------------------


class CommandRefused(Event):
    """A command will not be carried out; `cause` is its id. status: the HTTP status that fits; code: stable code.

    `extra`: further fields of the problem, such as the `booking_id` of the conflicting booking.
    """

    subject: ClassVar[str] = "wa.event.command.refused"
    status: int
    code: str
    detail: str
    extra: dict[str, Any] = Field(default_factory=dict)
