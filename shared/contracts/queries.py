"""Queries over NATS request/reply on `wa.query.*`; each REST read is one of them.

Organization and instance are part of the subject, so a NATS user may be restricted to one organization. The reply is
the JSON of the REST route: `{"success": true, …}` or a problem, `{"success": false, "status", "code", "detail"}`.
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
    """The newest 200 API keys without their secrets, revoked ones included."""

    subject: ClassVar[str] = "wa.query.api-key.list"


class ListUsers(Query):
    """The users of the organization with their roles, the oldest first."""

    subject: ClassVar[str] = "wa.query.user.list"


class ReadUser(Query):
    """One user."""

    subject: ClassVar[str] = "wa.query.user.read"
    user_id: AnyId


class ListAudit(PagedQuery):
    """Who changed what, when, from where; newest first, of one actor or action or all."""

    subject: ClassVar[str] = "wa.query.audit.list"
    actor: Annotated[str, StringConstraints(max_length=100)] | None = None
    action: Annotated[str, StringConstraints(max_length=100)] | None = None


class ListInvitations(Query):
    """The newest 200 open invitations without their tokens."""

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
    """The QR code to link `instance_id` with, while one is valid."""

    subject: ClassVar[str] = "wa.query.instance.qr"


class ReadCurrentPairingCode(Query):
    """The pairing code to link `instance_id` with, while one is valid."""

    subject: ClassVar[str] = "wa.query.instance.pairing-code"


class ListShownCodes(Query):
    """The valid codes to link instances with: `qr` and `pairing`, each by instance."""

    subject: ClassVar[str] = "wa.query.instance.shown-codes"


class ReadSession(Query):
    """The oldest instance of this name, for clients that name their sessions."""

    subject: ClassVar[str] = "wa.query.session.read"
    name: SessionName


class RequestQr(Query):
    """The QR code to scan, of `instance_id` or, when that is `-`, of the oldest instance, created when there is none.

    Connects the instance when it has no valid code, and waits for one, at most 30 s: use a longer request timeout.
    `force_new` starts pairing again, unless the instance is connected. `network`: of an instance that is created.
    """

    subject: ClassVar[str] = "wa.query.qr.show"
    force_new: bool = False
    network: Network | None = None


class ReadDefaultInstance(Query):
    """State of the oldest instance, for clients that support only one; `instanceId` is null when there is none."""

    subject: ClassVar[str] = "wa.query.instance.default"


class ReadQueueStats(Query):
    """State of streams and consumers, and the number of dead letters of the organization."""

    subject: ClassVar[str] = "wa.query.queue.stats"


class ListDeadLetters(PagedQuery):
    """The organization's dead letters, oldest first."""

    subject: ClassVar[str] = "wa.query.dead-letter.list"


class ReadDeadLetter(Query):
    """One dead letter with its body. `sequence`: its number in the stream of the dead letters."""

    subject: ClassVar[str] = "wa.query.dead-letter.read"
    sequence: Annotated[int, Field(ge=1, lt=1 << 63)]


class ResolveNumber(Query):
    """router → session: which WhatsApp account has this number? Looked up by `instance_id`; the node that holds it
    replies with `{"success": true, "data": NumberOwner}`, or with a problem while it is not connected."""

    subject: ClassVar[str] = "wa.query.number.resolve"
    responder: ClassVar[str] = "session"
    number: Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]


class NumberOwner(BaseModel):
    """Addresses of a WhatsApp account, digits; both null when no account has the number."""

    phone: str | None = None
    lid: str | None = None


class NumberOwnerReply(BaseModel):
    """Reply to ResolveNumber."""

    success: bool = True
    data: NumberOwner
