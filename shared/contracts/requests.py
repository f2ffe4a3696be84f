"""Writes of the api over NATS request/reply; each mutating REST route is one of them (docs/decisions/0019).

Organization and instance are part of the subject. The reply is the JSON of the REST route: `{"success": true, …}`
or a problem, `{"success": false, "status", "code", "detail"}`. The route checks what the fields hold.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.commands import MAX_TEXT
from shared.contracts.message import RepeatableRequest, Request
from shared.contracts.principal import Role, Scope
from shared.contracts.records import Network

PathId = Annotated[str, StringConstraints(pattern=r"^[^/?#]{1,256}$")]
_INTEGRATION = ("integration",)
Id = Annotated[str, StringConstraints(max_length=64)]
Line = Annotated[str, StringConstraints(max_length=254)]
"""A name, a number or an address. The route validates it."""
NoteText = Annotated[str, StringConstraints(max_length=2_000)]
LongText = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class ChangeOrganizationRequest(Request):
    """Change some of the organization's `settings`, as the reply shows them; those left out stay unchanged."""

    subject: ClassVar[str] = "wa.command.organization.change"
    settings: dict[str, Any]


class CreateInstanceRequest(RepeatableRequest):
    """Create an instance, not connected yet."""

    subject: ClassVar[str] = "wa.command.instance.create"
    instance_name: Line
    phone_number: Line | None = None
    network: Network = Network.WHATSAPP


class ChangeInstanceRequest(Request):
    """Change the name or the owner's number of `instance_id`; a field left out stays unchanged."""

    subject: ClassVar[str] = "wa.command.instance.change"
    instance_name: Line | None = None
    phone_number: Line | None = None


class DeleteInstanceRequest(Request):
    """Unlink the device of `instance_id` and remove the instance from all lists; conversations, contacts and bookings
    stay. Connecting it restores it."""

    subject: ClassVar[str] = "wa.command.instance.delete"


class RemoveInstanceRequest(RepeatableRequest):
    """Delete `instance_id` for good: it cannot be connected again. Also for one that was deleted before."""

    subject: ClassVar[str] = "wa.command.instance.remove"


class ConnectInstanceRequest(RepeatableRequest):
    """Connect `instance_id` and keep it up. `method` `code` waits for the pairing code: use a request timeout of 45
    s."""

    subject: ClassVar[str] = "wa.command.instance.connect"
    method: Literal["code", "qr"] = "code"
    phone_number: Line | None = None


class DisconnectInstanceRequest(RepeatableRequest):
    """Close the connection of `instance_id` and keep its device keys."""

    subject: ClassVar[str] = "wa.command.instance.disconnect"


class LogoutInstanceRequest(RepeatableRequest):
    """Unlink the device of `instance_id` at WhatsApp and delete its keys."""

    subject: ClassVar[str] = "wa.command.instance.logout"


class SendRequest(RepeatableRequest):
    """Send a text from `instance_id` and wait at most `wait` seconds (0 to 60) until WhatsApp has it. One that could
    not be handed to WhatsApp within `expires_in` seconds (1 to 86,400) fails as `too_late`."""

    subject: ClassVar[str] = "wa.command.instance.send"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    to: Line
    message: LongText
    wait: float = 10.0
    expires_in: float = 3_600.0


class CreateBookingRequest(RepeatableRequest):
    """Create a booking for a contact, of `instance_id` or, when that is `-`, of the instance of their latest
    conversation."""

    subject: ClassVar[str] = "wa.command.booking.open"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    contact_id: Annotated[str, StringConstraints(max_length=256)]
    text: LongText | None = None
    starts_at: datetime | None = None
    note: NoteText | None = None


class RescheduleBookingRequest(RepeatableRequest):
    """Set when an open booking begins, with the time zone; `note`: why."""

    subject: ClassVar[str] = "wa.command.booking.move"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    booking_id: PathId
    starts_at: datetime
    note: NoteText | None = None


class ChangeBookingRequest(RepeatableRequest):
    """Confirm, cancel or complete a booking, or mark it as no-show; `note`: why."""

    subject: ClassVar[str] = "wa.command.booking.decide"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    booking_id: PathId
    action: Literal["confirm", "cancel", "complete", "no-show"]
    note: NoteText | None = None


class SplitContactRequest(RepeatableRequest):
    """Undo a merge: the contact `merged_id` is restored and is never merged with `contact_id` automatically again."""

    subject: ClassVar[str] = "wa.command.contact.take-apart"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    contact_id: PathId
    merged_id: Id


class MarkConversationReadRequest(RepeatableRequest):
    """Mark all present messages of the conversation as read, for all users."""

    subject: ClassVar[str] = "wa.command.conversation.mark-read"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class AssignConversationRequest(RepeatableRequest):
    """Assign the conversation to a user; null unassigns it."""

    subject: ClassVar[str] = "wa.command.conversation.hand-over"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId
    user_id: Id | None


class CloseConversationRequest(RepeatableRequest):
    """Close the conversation; the contact's next message reopens it."""

    subject: ClassVar[str] = "wa.command.conversation.close"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class ReopenConversationRequest(RepeatableRequest):
    """Reopen the conversation."""

    subject: ClassVar[str] = "wa.command.conversation.reopen"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class CreateApiKeyRequest(RepeatableRequest):
    """Create an API key; only this reply shows it."""

    subject: ClassVar[str] = "wa.command.api-key.create"
    name: Line
    scopes: Annotated[tuple[Scope, ...], Field(max_length=3)] = ("read", "send")
    instance_ids: Annotated[list[Id], Field(max_length=100)] | None = None
    expires_at: datetime | None = None


class RevokeApiKeyRequest(Request):
    """Revoke an API key."""

    subject: ClassVar[str] = "wa.command.api-key.revoke"
    key_id: PathId


class ChangeUserRequest(Request):
    """Change a user's name or role; a field left out stays unchanged. Only owners, on REST, may change owners."""

    subject: ClassVar[str] = "wa.command.user.change"
    user_id: PathId
    name: Line | None = None
    role: Role | None = None


class RemoveUserRequest(Request):
    """Remove a user and revoke their logins."""

    subject: ClassVar[str] = "wa.command.user.remove"
    user_id: PathId


class CreateInvitationRequest(RepeatableRequest):
    """Create an invitation; only this reply shows its one-time token. No mail is sent."""

    subject: ClassVar[str] = "wa.command.invitation.create"
    email: Line
    role: Role = "agent"


class WithdrawInvitationRequest(Request):
    """Withdraw an invitation: its token is no longer valid."""

    subject: ClassVar[str] = "wa.command.invitation.withdraw"
    invitation_id: PathId


class ReplayDeadLetterRequest(RepeatableRequest):
    """Publish a dead letter again on its own subject. `sequence`: its number in the stream of the dead letters."""

    subject: ClassVar[str] = "wa.command.dead-letter.replay"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]


class DropDeadLetterRequest(Request):
    """Delete a dead letter."""

    subject: ClassVar[str] = "wa.command.dead-letter.drop"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]
