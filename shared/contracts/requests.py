"""Writes of the api, asked by NATS request/reply; each mutating REST route is one of them (docs/decisions/0019).

The organization and the instance stand in the subject. The answer is the JSON of the REST route: `{"success": true, …}`
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
"""A name, a number, an address. The route says what of it is accepted."""
NoteText = Annotated[str, StringConstraints(max_length=2_000)]
LongText = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class ChangeOrganizationRequest(Request):
    """Change some of the organization's `settings`, as the answer shows them; what is left out stays."""

    subject: ClassVar[str] = "wa.command.organization.change"
    settings: dict[str, Any]


class CreateInstanceRequest(RepeatableRequest):
    """A new WhatsApp account of the organization, not connected yet."""

    subject: ClassVar[str] = "wa.command.instance.create"
    instance_name: Line
    phone_number: Line | None = None
    network: Network = Network.WHATSAPP


class ChangeInstanceRequest(Request):
    """Change the name or the owner's number of `instance_id`; what is left out stays."""

    subject: ClassVar[str] = "wa.command.instance.change"
    instance_name: Line | None = None
    phone_number: Line | None = None


class DeleteInstanceRequest(Request):
    """Unlink the device of `instance_id` and take the instance out of all lists; conversations, contacts and bookings
    stay. Connecting it brings it back."""

    subject: ClassVar[str] = "wa.command.instance.delete"


class RemoveInstanceRequest(RepeatableRequest):
    """Like delete, and for good: `instance_id` cannot be connected again. Also for one that was deleted before."""

    subject: ClassVar[str] = "wa.command.instance.remove"


class ConnectInstanceRequest(RepeatableRequest):
    """Connect `instance_id` and keep it up. `method` `code` waits for the pairing code: ask with 45 s of patience."""

    subject: ClassVar[str] = "wa.command.instance.connect"
    method: Literal["code", "qr"] = "code"
    phone_number: Line | None = None


class DisconnectInstanceRequest(RepeatableRequest):
    """Close the connection of `instance_id` and keep its device keys."""

    subject: ClassVar[str] = "wa.command.instance.disconnect"


class LogoutInstanceRequest(RepeatableRequest):
    """Unlink the device of `instance_id` at WhatsApp and forget its keys."""

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
    """A booking for a contact, of `instance_id` or, when that is `-`, of the one the contact talked with last."""

    subject: ClassVar[str] = "wa.command.booking.open"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    contact_id: Annotated[str, StringConstraints(max_length=256)]
    text: LongText | None = None
    starts_at: datetime | None = None
    note: NoteText | None = None


class RescheduleBookingRequest(RepeatableRequest):
    """Say when an open booking begins, with the zone; `note`: why."""

    subject: ClassVar[str] = "wa.command.booking.move"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    booking_id: PathId
    starts_at: datetime
    note: NoteText | None = None


class ChangeBookingRequest(RepeatableRequest):
    """Confirm, cancel or complete a booking, or say that nobody came; `note`: why."""

    subject: ClassVar[str] = "wa.command.booking.decide"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    booking_id: PathId
    action: Literal["confirm", "cancel", "complete", "no-show"]
    note: NoteText | None = None


class SplitContactRequest(RepeatableRequest):
    """Undo a merge: the contact `merged_id` comes back, and stays apart from `contact_id`."""

    subject: ClassVar[str] = "wa.command.contact.take-apart"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    contact_id: PathId
    merged_id: Id


class MarkConversationReadRequest(RepeatableRequest):
    """Nothing of the conversation that is there now is unread any more, for everybody."""

    subject: ClassVar[str] = "wa.command.conversation.mark-read"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class AssignConversationRequest(RepeatableRequest):
    """From now on this user takes care of the conversation; null: nobody."""

    subject: ClassVar[str] = "wa.command.conversation.hand-over"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId
    user_id: Id | None


class CloseConversationRequest(RepeatableRequest):
    """The conversation is done with until the contact writes again."""

    subject: ClassVar[str] = "wa.command.conversation.close"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class ReopenConversationRequest(RepeatableRequest):
    """The conversation is not done with yet."""

    subject: ClassVar[str] = "wa.command.conversation.reopen"
    issuers: ClassVar[tuple[str, ...]] = _INTEGRATION
    conversation_id: PathId


class CreateApiKeyRequest(RepeatableRequest):
    """A new API key; the answer shows it this once."""

    subject: ClassVar[str] = "wa.command.api-key.create"
    name: Line
    scopes: Annotated[tuple[Scope, ...], Field(max_length=3)] = ("read", "send")
    instance_ids: Annotated[list[Id], Field(max_length=100)] | None = None
    expires_at: datetime | None = None


class RevokeApiKeyRequest(Request):
    """From now on the key opens nothing."""

    subject: ClassVar[str] = "wa.command.api-key.revoke"
    key_id: PathId


class ChangeUserRequest(Request):
    """Change a user's name or role; what is left out stays. Only owners, on REST, decide about owners."""

    subject: ClassVar[str] = "wa.command.user.change"
    user_id: PathId
    name: Line | None = None
    role: Role | None = None


class RemoveUserRequest(Request):
    """From now on the user's logins open nothing."""

    subject: ClassVar[str] = "wa.command.user.remove"
    user_id: PathId


class CreateInvitationRequest(RepeatableRequest):
    """Invite somebody; the answer shows the one-time token this once. No mail is sent."""

    subject: ClassVar[str] = "wa.command.invitation.create"
    email: Line
    role: Role = "agent"


class WithdrawInvitationRequest(Request):
    """From now on the invitation's token opens nothing."""

    subject: ClassVar[str] = "wa.command.invitation.withdraw"
    invitation_id: PathId


class ReplayDeadLetterRequest(RepeatableRequest):
    """Hand a dead letter to the services once more. `sequence`: its number in the stream of the dead letters."""

    subject: ClassVar[str] = "wa.command.dead-letter.replay"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]


class DropDeadLetterRequest(Request):
    """Forget a dead letter for good."""

    subject: ClassVar[str] = "wa.command.dead-letter.drop"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]
