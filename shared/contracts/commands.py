"""Every intent. The `session` commands are owned by the session service, the others by the router."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from shared.contracts.message import Command, utc_now
from shared.contracts.order_keys import OrderKey
from shared.contracts.records import BookingStatus, ConversationStatus, Moment, Network, Party, Seen
from shared.text.bounded_text import MAX_TEXT as MAX_TEXT

SEND_EXPIRY = timedelta(hours=1)
"""How long a text may wait when its sender does not say."""
MAX_SEND_EXPIRY_S = 86_400
"""A sender may say a longer time on NATS; it counts as this."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]
"""Why somebody did something to a booking; it goes into the booking's history."""


class ConnectInstance(Command):
    """Start the connection and keep it; pair by QR or by code when the account is not linked yet.

    Answered by QrIssued, PairingCodeIssued or ConnectionChanged with this command's id as cause, or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.session.connect"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    method: Literal["qr", "code"] = "qr"
    phone_number: str | None = None
    network: Network = Network.WHATSAPP


class DisconnectInstance(Command):
    """Close the connection and keep the device keys."""

    subject: ClassVar[str] = "wa.command.session.disconnect"
    issuers: ClassVar[tuple[str, ...]] = ("api",)


class LogoutInstance(Command):
    """Unlink the device at WhatsApp and forget its keys. With `delete`, forget the instance altogether."""

    subject: ClassVar[str] = "wa.command.session.logout"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    delete: bool = False


class SendText(Command):
    """Router → session: hand this text to WhatsApp once. Answered by MessageSent or MessageFailed."""

    subject: ClassVar[str] = "wa.command.session.send"
    issuers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    to: Party
    text: str
    expires_at: AwareDatetime | None = None
    """The text is not handed to WhatsApp after this time; it fails as `too_late`. None: SEND_EXPIRY after `at`."""
    order_key: OrderKey | None = None
    """Of the message: whatever the account receives from then on gets a greater one."""

    @property
    def is_too_late(self) -> bool:
        return utc_now() >= (self.expires_at or self.at + SEND_EXPIRY)


class MarkRead(Command):
    """Router → session: give the sender the read ticks of these messages. Nothing is answered; while the account is
    being reconnected it waits, at most an hour."""

    subject: ClassVar[str] = "wa.command.session.mark-read"
    issuers: ClassVar[tuple[str, ...]] = ("router",)
    wa_ids: tuple[str, ...] = Field(min_length=1, max_length=100)
    sender: Party
    group: str | None = None


class SendMessage(Command):
    """Send a text to a number or into a conversation; the router chooses the instance when none is named.

    `message_id` is the idempotency key: the same id is recorded and sent once, and refused with
    `idempotency_conflict` for another instance, recipient or text. With `by` the `client_id` is a key too, the sender's
    own: within a day it leads to the message it was first used for, whatever `message_id` says. Answered by
    MessageRecorded (status queued), then MessageStatusChanged, or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.message.send"
    message_id: str
    to: str | None = None
    conversation_id: str | None = None
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    client_id: str | None = None
    by: str | None = None
    """User id, or `key:<id>`, of who sends."""
    expires_at: AwareDatetime | None = None
    """A text that is not on its way by then fails as `too_late`. None: SEND_EXPIRY after `at`."""


class CreateBooking(Command):
    """Make a booking for a contact without a message of his. Answered by BookingCreated or CommandRefused.

    `instance_id` may be `-`: the one of the contact's latest conversation, else the oldest. Refused with `booking_open`
    while the contact has one open, unless the organization's policy is `every_message`.
    """

    subject: ClassVar[str] = "wa.command.booking.create"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    text: str | None = Field(None, max_length=MAX_TEXT)
    starts_at: Moment | None = None
    note: Note | None = None
    by: str | None = None
    """User id of who asked for it."""


class RescheduleBooking(Command):
    """Set when an open booking begins. Answered by BookingUpdated or CommandRefused."""

    subject: ClassVar[str] = "wa.command.booking.reschedule"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    booking_id: str
    starts_at: Moment
    note: Note | None = None
    by: str | None = None
    """User id of who asked for it."""


class ChangeBooking(Command):
    """Set a booking's status. Answered by BookingUpdated or CommandRefused."""

    subject: ClassVar[str] = "wa.command.booking.change"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    booking_id: str
    status: BookingStatus
    note: Note | None = None
    by: str | None = None
    """User id of who asked for it."""


class MarkConversationRead(Command):
    """Nothing up to `seen` is unread any more; None: up to the time of this command.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.read"
    conversation_id: str
    seen: Seen | None = None
    by: str | None = None
    """User id of who read it."""


class SplitContact(Command):
    """Undo a merge: `merged_id` comes back with its addresses and what was its own, and stays apart from `contact_id`.

    Answered by ContactUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.contact.split"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    merged_id: str
    by: str | None = None
    """User id of who asked for it."""


class AssignConversation(Command):
    """`user_id` takes care of it from now on; None: nobody does. The command with the latest `at` decides.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.assign"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    conversation_id: str
    user_id: str | None
    by: str | None = None
    """User id of who asked for it."""


class ChangeConversation(Command):
    """Close or reopen it. Who closes knows the messages up to `seen` (None: up to the time of this command): any other
    of the contact's opens it again. The command with the latest `at` decides.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.change"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    conversation_id: str
    status: ConversationStatus
    seen: Seen | None = None
    by: str | None = None
    """User id of who asked for it."""
