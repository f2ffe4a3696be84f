"""Questions between services, answered by NATS request/reply on `wa.query.*`; each REST read is one of them.

The organization and the instance stand in the subject, so a NATS user may be allowed to ask about one only. The answer
is the JSON of the REST route: `{"success": true, …}` or a problem, `{"success": false, "status", "code", "detail"}`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, StringConstraints

from shared.access_queries import MAX_KEY as MAX_KEY
from shared.access_queries import ApiKeyOwner as ApiKeyOwner
from shared.access_queries import CountFailedCredential as CountFailedCredential
from shared.access_queries import FailedCredentialCounted as FailedCredentialCounted
from shared.access_queries import RateLimitTaken as RateLimitTaken
from shared.access_queries import TakeRateLimit as TakeRateLimit
from shared.access_queries import VerifyApiKey as VerifyApiKey
from shared.addressing import AddressText
from shared.message import Query
from shared.records import BookingStatus, ConversationStatus, Network
from shared.session_names import SessionName

AnyId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Address = AddressText
"""A phone number in any usual spelling, or `<digits>@lid`."""


class PagedQuery(Query):
    """A list in pages: `next_cursor` of the answer is the `cursor` of the next question."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=300)] | None = None


class ReadOrganization(Query):
    """The organization's name, age and settings."""

    subject: ClassVar[str] = "wa.query.organization.read"


class ListApiKeys(Query):
    """The newest 200 API keys without what opens anything, revoked ones too."""

    subject: ClassVar[str] = "wa.query.api-key.list"


class ListUsers(Query):
    """The people of the organization with their roles, the oldest first."""

    subject: ClassVar[str] = "wa.query.user.list"


class ReadUser(Query):
    """One of them."""

    subject: ClassVar[str] = "wa.query.user.read"
    user_id: AnyId


class ListAudit(PagedQuery):
    """Who changed what, when, from where; newest first, of one actor or action or all."""

    subject: ClassVar[str] = "wa.query.audit.list"
    actor: Annotated[str, StringConstraints(max_length=100)] | None = None
    action: Annotated[str, StringConstraints(max_length=100)] | None = None


class ListInvitations(Query):
    """Those still open, the newest 200, without what opens anything."""

    subject: ClassVar[str] = "wa.query.invitation.list"


class ListInstances(PagedQuery):
    """The organization's instances, newest first."""

    subject: ClassVar[str] = "wa.query.instance.list"


class ReadInstance(Query):
    """One instance (`instance_id`), with the state of its connection."""

    subject: ClassVar[str] = "wa.query.instance.read"


class ReadInstanceStatus(Query):
    """State, reason and counts of one instance (`instance_id`)."""

    subject: ClassVar[str] = "wa.query.instance.status"


class ReadCurrentQr(Query):
    """The QR code that one instance (`instance_id`) shows right now."""

    subject: ClassVar[str] = "wa.query.instance.qr"


class ReadCurrentPairingCode(Query):
    """The pairing code that one instance (`instance_id`) shows right now."""

    subject: ClassVar[str] = "wa.query.instance.pairing-code"


class ListShownCodes(Query):
    """The codes to link accounts with that are shown right now: `qr` and `pairing`, each by instance."""

    subject: ClassVar[str] = "wa.query.instance.shown-codes"


class ReadSession(Query):
    """The oldest instance of this name, for clients that name their sessions."""

    subject: ClassVar[str] = "wa.query.session.read"
    name: SessionName


class ShowQr(Query):
    """The QR code to scan now, of `instance_id` or, when that is `-`, of the oldest instance, made when there is none.

    Connects it when no code is shown and waits for the first one, at most 30 s: ask with more patience than that.
    `force_new` begins anew, unless the account is connected. `network`: of an instance that is made.
    """

    subject: ClassVar[str] = "wa.query.qr.show"
    force_new: bool = False
    network: Network | None = None


class ReadDefaultInstance(Query):
    """State of the oldest instance, which clients mean that know only one; `instanceId` is null when there is none."""

    subject: ClassVar[str] = "wa.query.instance.default"


class ListContacts(PagedQuery):
    """Contacts, newest first. `search`: part of the name or of the number."""

    subject: ClassVar[str] = "wa.query.contact.list"
    search: Annotated[str, StringConstraints(max_length=100)] | None = None


class ReadContact(Query):
    """One contact."""

    subject: ClassVar[str] = "wa.query.contact.read"
    contact_id: AnyId


class ListConversations(PagedQuery):
    """Conversations, the liveliest first, of `instance_id` or, when that is `-`, of all. `assigned_to`: a user id."""

    subject: ClassVar[str] = "wa.query.conversation.list"
    status: ConversationStatus | None = None
    assigned_to: Annotated[str, StringConstraints(max_length=64)] | None = None
    unread: bool | None = None
    search: Annotated[str, StringConstraints(max_length=100)] | None = None


class ReadConversation(Query):
    """One conversation."""

    subject: ClassVar[str] = "wa.query.conversation.read"
    conversation_id: AnyId


class ListConversationMessages(PagedQuery):
    """Messages and notes of one conversation, newest first."""

    subject: ClassVar[str] = "wa.query.conversation.messages"
    conversation_id: AnyId


class ListMessages(PagedQuery):
    """Messages of all conversations, newest first. `kind` `note`: to oneself. `search`: words, accents ignored."""

    subject: ClassVar[str] = "wa.query.message.list"
    kind: Literal["message", "note"] | None = None
    search: Annotated[str, StringConstraints(max_length=100)] | None = None
    stuck: bool | None = None


class MessagesBetween(Query):
    """What an account and a contact said to each other, two addresses in any order; as the chat front end reads it.

    The newest `limit` messages before `offset`, counted from the newest, oldest first; `nextOffset` goes on.
    """

    subject: ClassVar[str] = "wa.query.message.between"
    one: Address
    other: Address
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ReadMessage(Query):
    """One message with what became of it, by our id or by WhatsApp's."""

    subject: ClassVar[str] = "wa.query.message.read"
    message_id: AnyId


class ListBookings(PagedQuery):
    """Bookings, newest first, of one status or all."""

    subject: ClassVar[str] = "wa.query.booking.list"
    status: BookingStatus | None = None


class ReadBooking(Query):
    """One booking, with everything that was done to it."""

    subject: ClassVar[str] = "wa.query.booking.read"
    booking_id: AnyId


class ReadQueueStats(Query):
    """How far streams and consumers are, and how many dead letters the organization has."""

    subject: ClassVar[str] = "wa.query.queue.stats"


class ListDeadLetters(PagedQuery):
    """The organization's dead letters, oldest first."""

    subject: ClassVar[str] = "wa.query.dead-letter.list"


class ReadDeadLetter(Query):
    """One dead letter with its body. `sequence`: its number in the stream of the dead letters."""

    subject: ClassVar[str] = "wa.query.dead-letter.read"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]


class ResolveNumber(Query):
    """router → session: which account of WhatsApp answers to this number? Asked through `instance_id`, answered by the
    node that holds it with `{"success": true, "data": NumberOwner}`, or a problem while it is not connected."""

    subject: ClassVar[str] = "wa.query.number.resolve"
    answerer: ClassVar[str] = "session"
    number: Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]


class NumberOwner(BaseModel):
    """Answer to ResolveNumber: the account's own addresses, digits; both null when nobody has the number there."""

    phone: str | None = None
    lid: str | None = None
