"""Questions between services, answered by NATS request/reply on `wa.query.*`; each REST read is one of them.

The organization and the instance stand in the subject, so a NATS user may be allowed to ask about one only. The answer
is the JSON of the REST route: `{"success": true, …}` or a problem, `{"success": false, "status", "code", "detail"}`.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, StringConstraints

from shared.contracts.access_queries import MAX_KEY as MAX_KEY
from shared.contracts.access_queries import ApiKeyOwner as ApiKeyOwner
from shared.contracts.access_queries import CountFailedCredential as CountFailedCredential
from shared.contracts.access_queries import FailedCredentialCounted as FailedCredentialCounted
from shared.contracts.access_queries import RateLimitTaken as RateLimitTaken
from shared.contracts.access_queries import TakeRateLimit as TakeRateLimit
from shared.contracts.access_queries import VerifyApiKey as VerifyApiKey
from shared.contracts.message import Query
from shared.contracts.record_queries import Address as Address
from shared.contracts.record_queries import AnyId as AnyId
from shared.contracts.record_queries import CountBookings as CountBookings
from shared.contracts.record_queries import CountConversations as CountConversations
from shared.contracts.record_queries import ListBookings as ListBookings
from shared.contracts.record_queries import ListContacts as ListContacts
from shared.contracts.record_queries import ListConversationMessages as ListConversationMessages
from shared.contracts.record_queries import ListConversations as ListConversations
from shared.contracts.record_queries import ListMessages as ListMessages
from shared.contracts.record_queries import MessagesBetween as MessagesBetween
from shared.contracts.record_queries import PagedQuery as PagedQuery
from shared.contracts.record_queries import ReadBooking as ReadBooking
from shared.contracts.record_queries import ReadContact as ReadContact
from shared.contracts.record_queries import ReadConversation as ReadConversation
from shared.contracts.record_queries import ReadMessage as ReadMessage
from shared.contracts.records import Network
from shared.text.session_names import SessionName


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


class RequestQr(Query):
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
    responder: ClassVar[str] = "session"
    number: Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]


class NumberOwner(BaseModel):
    """Answer to ResolveNumber: the account's own addresses, digits; both null when nobody has the number there."""

    phone: str | None = None
    lid: str | None = None


class NumberOwnerReply(BaseModel):
    """The whole answer to ResolveNumber."""

    success: bool = True
    data: NumberOwner
