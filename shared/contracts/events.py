"""Every fact Switchboard publishes. The class is the contract: subject, fields and meaning in one place."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.contracts.access_events import AccessRevoked as AccessRevoked
from shared.contracts.message import Event
from shared.contracts.message_parts import Media, Referral
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
    """WhatsApp issued a QR code to link the account with; it replaces the one before."""

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
    """End of a restriction, when WhatsApp said it."""


class MessageReceived(Event):
    """A message reached the account: from a contact, or typed by the owner on another device (`from_me`).

    `wa_id` is unique for one chat, sender and direction only. `id` is derived from these, so a redelivery is the same
    event. `sender` wrote it; `chat` is the other side of a one-to-one chat; `group` is set instead of `chat` for
    groups. Of the types `undecryptable` (a readable copy may follow) and `unavailable` (kept from linked devices, such
    as view-once media) nothing more is known; `edit` and `revoke` change the message they name.
    """

    subject: ClassVar[str] = "wa.event.message.received"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    wa_id: str
    from_me: bool = False
    sender: Party
    chat: Party | None = None
    group: str | None = None
    push_name: BoundedName | None = None
    type: str = "text"
    text: BoundedText | None = None
    media: Media | None = None
    referral: Referral | None = None
    quoted_wa_id: str | None = None
    """WhatsApp's id of the message this one answers, reacts to, edits or revokes."""
    quoted_sender: Party | None = None
    """Who wrote that message, when this one names the author."""
    unreadable: bool = False
    """An edit whose new text this device cannot read."""
    by_admin: bool = False
    """A revoke by an admin of the group, who may delete what others wrote."""
    timestamp: datetime
    """WhatsApp's, in whole seconds: to be shown, not to be sorted by."""
    order_key: OrderKey | None = None
    """When the account's journal took it, in microseconds of our clock: greater than those of everything the account
    received or was asked to send before. None: published by an earlier version."""


class ReceiptReceived(Event):
    """The other side's devices told what became of messages of ours."""

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
    """WhatsApp accepted a message of ours. `message_id` is our record's id, `wa_id` the network's."""

    subject: ClassVar[str] = "wa.event.message.sent"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    message_id: str
    wa_id: str
    timestamp: datetime


class MessageFailed(Event):
    """A send ended without acceptance. `unconfirmed` means: a crash hid the outcome, it may have gone out."""

    subject: ClassVar[str] = "wa.event.message.failed"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    message_id: str
    code: str
    detail: str
    unconfirmed: bool = False


# --- published by router -------------------------------------------------------------------------------------------


class MessageRecorded(Event):
    """A message or note is stored, with its contact and booking."""

    subject: ClassVar[str] = "wa.event.message.recorded"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message: MessageRecord


class MessageRevised(Event):
    """The author edited a message or deleted it for everyone, as the admin of a group may too; or the message it is
    about became known (`quote_found`: it has a `quoted_message_id` now). `message` is the record as it is then. Events
    of one message may come in another order than its changes: the greatest `message.revision` is the newest."""

    subject: ClassVar[str] = "wa.event.message.revised"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message: MessageRecord
    change: Literal["edited", "revoked", "quote_found"]


class MessageStatusChanged(Event):
    """A message of ours moved forward: sent, delivered, read, played, failed or unconfirmed."""

    subject: ClassVar[str] = "wa.event.message.status-changed"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    wa_id: str | None = None
    status: MessageStatus
    error: str | None = None
    client_id: str | None = None


class ContactCreated(Event):
    """A person wrote, or was written to, for the first time."""

    subject: ClassVar[str] = "wa.event.contact.created"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    contact: Contact


class ContactUpdated(Event):
    """A contact's name or addresses became known or changed, or two contacts turned out to be one person."""

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
    """A booking's status or time changed, or somebody noted something about it."""

    subject: ClassVar[str] = "wa.event.booking.updated"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    booking: Booking


class ConversationUpdated(Event):
    """Somebody marked a conversation read, assigned, closed or reopened it, or a new message reopened it."""

    subject: ClassVar[str] = "wa.event.conversation.updated"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    conversation: ConversationRecord


class MessageStuck(Event):
    """A message of ours waits longer than it should: `queued` or `sent` since `since`. Said once for each of both."""

    subject: ClassVar[str] = "wa.event.message.stuck"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    status: MessageStatus
    since: datetime
    conversation_id: str | None = None


# --- published by whoever refuses a command ------------------------------------------------------------------------


class CommandRefused(Event):
    """A command will not be carried out; `cause` is its id. status: the HTTP status that fits; code: stable code.

    `extra`: what the problem names besides, such as the `booking_id` that is in the way.
    """

    subject: ClassVar[str] = "wa.event.command.refused"
    status: int
    code: str
    detail: str
    extra: dict[str, Any] = Field(default_factory=dict)
