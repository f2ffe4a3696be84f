"""The queries that our own services send over NATS request/reply, on `wa.query.*`.

Every other query is derived from the function of the api that answers it (services/api/nats/derived_messages.py).
Organization and instance are part of the subject, so a NATS user may be restricted to one organization. The reply is
the JSON of the REST route: `{"success": true, …}` or a problem, `{"success": false, "status", "code", "detail"}`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, StringConstraints

from shared.contracts.message import Query
from shared.contracts.records import Network
from shared.text.phone_numbers import AddressText
from shared.text.session_names import SessionName

AnyId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
MAX_SEARCH = 100
"""Characters."""
MAX_KEY = 128
"""Characters of an API key."""


class ReadInstance(Query):
    """One instance (`instance_id`), with the state of its connection."""

    subject: ClassVar[str] = "wa.query.instance.read"


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


class ListContacts(Query):
    """Contacts, newest first, by name, or those with the newest message first. `search`: words, each a part of a word
    of the name or of the number."""

    subject: ClassVar[str] = "wa.query.contact.list"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=300)] | None = None
    search: Annotated[str, StringConstraints(max_length=MAX_SEARCH)] | None = None
    sort: Literal["created_at", "name", "last_message_at"] = "created_at"


class ReadConversation(Query):
    """One conversation."""

    subject: ClassVar[str] = "wa.query.conversation.read"
    conversation_id: AnyId


class MessagesBetween(Query):
    """The messages between an account and a contact, given by two addresses in any order; for the chat front end.

    The newest `limit` messages before `offset`, counted from the newest, oldest first; `nextOffset` is the offset of
    the next page.
    """

    subject: ClassVar[str] = "wa.query.message.between"
    one: AddressText
    other: AddressText
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ReadMessage(Query):
    """One message with the history of its status, by our id or by WhatsApp's."""

    subject: ClassVar[str] = "wa.query.message.read"
    message_id: AnyId


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


class VerifyApiKey(Query):
    """realtime → api: whose API key is this? `organization_id` is sent as `unknown`.

    `client`: the IP address of the client, for the count of wrong credentials.
    """

    subject: ClassVar[str] = "wa.query.api-key.verify"
    key: Annotated[str, StringConstraints(max_length=MAX_KEY)]
    client: Annotated[str, StringConstraints(max_length=64)] | None = None


class ApiKeyOwner(BaseModel):
    """Reply to VerifyApiKey; all null when the key is unknown, expired or revoked.

    `limited`: the key is restricted to some instances, so it opens no socket, which shows the whole organization.
    `expires_at`: epoch seconds. `retry_after`: set when too many wrong keys came from the address, in seconds.
    """

    success: bool = True
    organization_id: str | None = None
    key_id: str | None = None
    scopes: list[str] = []
    limited: bool = False
    expires_at: float | None = None
    retry_after: float | None = None


class TakeRateLimit(Query):
    """realtime → api: count requests of a caller, a user id or `key:<id>`, as if they had come over REST.

    The answer is RateLimitTaken; fewer are granted when the limit of the caller or of the organization is near.
    """

    subject: ClassVar[str] = "wa.query.rate-limit.take"
    caller: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    count: Annotated[int, Field(ge=1, le=100)] = 1


class RateLimitTaken(BaseModel):
    """Reply to TakeRateLimit. `retry_after`: seconds until one more is granted, when fewer were."""

    success: bool = True
    granted: int
    retry_after: float = 0


class CountFailedCredential(Query):
    """realtime → api: a wrong token came from the address `client`. `organization_id` is sent as `unknown`."""

    subject: ClassVar[str] = "wa.query.credential.failed"
    client: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class FailedCredentialCounted(BaseModel):
    """Reply to CountFailedCredential. `retry_after`: seconds, when too many came from there; else 0."""

    success: bool = True
    retry_after: float = 0
