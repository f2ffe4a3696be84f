"""All commands. Those of the noun `session` are owned by the session service, the others by the router."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.message import Command, utc_now
from shared.contracts.order_keys import OrderKey
from shared.contracts.records import AwareTimestamp, BookingStatus, ConversationStatus, Network, Party, Seen
from shared.text.bounded_text import MAX_NAME
from shared.text.bounded_text import MAX_TEXT as MAX_TEXT

SEND_EXPIRY = timedelta(hours=1)
"""How long a text may wait to be sent, unless its sender sets `expires_at`."""
MAX_SEND_EXPIRY_S = 86_400
"""A longer time, which NATS clients can set, counts as this one."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]
"""The reason of a change; it is stored in the booking's history."""


class ConnectInstance(Command):
    """Connect the instance and keep it connected; pair it by QR code or pairing code if it is not linked yet.

    Answered by QrIssued, PairingCodeIssued or ConnectionChanged with this command's id as cause, or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.session.connect"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    method: Literal["qr", "code"] = "qr"
    phone_number: str | None = None
    network: Network = Network.WHATSAPP


class DisconnectInstance(Command):
    """Close the connection; the device keys stay."""

    subject: ClassVar[str] = "wa.command.session.disconnect"
    issuers: ClassVar[tuple[str, ...]] = ("api",)


class LogoutInstance(Command):
    """Unlink the device at WhatsApp and delete its keys; with `delete` also the connection record."""

    subject: ClassVar[str] = "wa.command.session.logout"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    delete: bool = False


class SendText(Command):
    """Router → session: send this text at most once. Answered by MessageSent or MessageFailed."""

    subject: ClassVar[str] = "wa.command.session.send"
    issuers: ClassVar[tuple[str, ...]] = ("router",)
    message_id: str
    to: Party
    text: str
    expires_at: AwareDatetime | None = None
    """After this time the text is not sent; it fails as `too_late`. None: SEND_EXPIRY after `at`."""
    order_key: OrderKey | None = None
    """Of the message: every message the account receives later gets a greater one."""

    @property
    def is_too_late(self) -> bool:
        return utc_now() >= (self.expires_at or self.at + SEND_EXPIRY)


class MarkRead(Command):
    """Router → session: send read receipts for these messages. No answer; while the account is not connected the
    command
    waits, at most an hour."""

    subject: ClassVar[str] = "wa.command.session.mark-read"
    issuers: ClassVar[tuple[str, ...]] = ("router",)
    wa_ids: tuple[str, ...] = Field(min_length=1, max_length=100)
    sender: Party
    group: str | None = None


class SendMessage(Command):
    """Send a text to a number or into a conversation; the router chooses the instance when none is named.

    `message_id` is the idempotency key: a text is recorded and sent once per id; the same id with another instance,
    recipient or text is refused with `idempotency_conflict`. With `by`, `client_id` is a second key: within a day the
    same sender and `client_id` mean the message they were first used for, whatever `message_id` is. Answered by
    MessageRecorded (status queued), then MessageStatusChanged, or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.message.send"
    message_id: str
    to: str | None = None
    conversation_id: str | None = None
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    client_id: str | None = None
    by: str | None = None
    """User id of the sender, or `key:<id>`."""
    expires_at: AwareDatetime | None = None
    """After this time the text is not sent; it fails as `too_late`. None: SEND_EXPIRY after `at`."""


class CreateBooking(Command):
    """Create a booking for a contact without a message from them. Answered by BookingCreated or CommandRefused.

    `instance_id` may be `-`: the instance of the contact's latest conversation, else the oldest one. Refused with
    `booking_open` while the contact has an open booking, unless the organization's policy is `every_message`.
    """

    subject: ClassVar[str] = "wa.command.booking.create"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    text: str | None = Field(None, max_length=MAX_TEXT)
    starts_at: AwareTimestamp | None = None
    note: Note | None = None
    by: str | None = None
    """User id of the requester."""


class RescheduleBooking(Command):
    """Set when an open booking begins. Answered by BookingUpdated or CommandRefused."""

    subject: ClassVar[str] = "wa.command.booking.reschedule"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    booking_id: str
    starts_at: AwareTimestamp
    note: Note | None = None
    by: str | None = None
    """User id of the requester."""


class ChangeBooking(Command):
    """Set a booking's status. Answered by BookingUpdated or CommandRefused."""

    subject: ClassVar[str] = "wa.command.booking.change"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    booking_id: str
    status: BookingStatus
    note: Note | None = None
    by: str | None = None
    """User id of the requester."""


class MarkConversationRead(Command):
    """Mark the messages up to `seen` as read; None: up to the time of this command.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.read"
    conversation_id: str
    seen: Seen | None = None
    by: str | None = None
    """User id of the reader."""


class ExpectedName(BaseModel):
    """`name`: None when no name is known."""

    model_config = ConfigDict(frozen=True)
    name: str | None


class RenameContact(Command):
    """Give the contact this name, which then holds against names from WhatsApp; None gives it back the one from
    WhatsApp. The command with the latest `at` wins. With `expected` it is refused with `contact_changed` when the
    contact has another name.

    Answered by ContactUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.contact.rename"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None
    expected: ExpectedName | None = None
    by: str | None = None
    """User id of the requester."""


class MergeContacts(Command):
    """Merge the contact `other_id` into `contact_id`, which gets everything of the other; SplitContact undoes it.
    Refused with `contacts_have_numbers` when each has a phone number of its own, unless `anyway`.

    Answered by ContactUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.contact.merge"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    other_id: str
    anyway: bool = False
    by: str | None = None
    """User id of the requester."""


class SplitContact(Command):
    """Undo a merge: `merged_id` is restored with its addresses and records, and is never merged automatically again.

    Answered by ContactUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.contact.split"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    contact_id: str
    merged_id: str
    by: str | None = None
    """User id of the requester."""


class ExpectedAssignee(BaseModel):
    """`user_id`: None for nobody."""

    model_config = ConfigDict(frozen=True)
    user_id: str | None


class AssignConversation(Command):
    """Assign the conversation to `user_id`; None unassigns it. The command with the latest `at` wins. With
    `expected_assignee` it is refused with `conversation_changed` when the conversation is assigned to another user.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.assign"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    conversation_id: str
    user_id: str | None
    expected_assignee: ExpectedAssignee | None = None
    by: str | None = None
    """User id of the requester."""


class ChangeConversation(Command):
    """Close or reopen the conversation. Any message of the contact after `seen` (None: after the time of this command)
    reopens a closed one. The command with the latest `at` wins. With `expected_status` it is refused with
    `conversation_changed` when the conversation has another status.

    Answered by ConversationUpdated or CommandRefused.
    """

    subject: ClassVar[str] = "wa.command.conversation.change"
    issuers: ClassVar[tuple[str, ...]] = ("api",)
    conversation_id: str
    status: ConversationStatus
    expected_status: ConversationStatus | None = None
    seen: Seen | None = None
    by: str | None = None
    """User id of the requester."""
