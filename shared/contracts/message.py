"""The base classes of everything that is published on NATS, and the grammar of subjects (docs/decisions/0003)."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.errors import Reject
from shared.contracts.ids import NO_INSTANCE, Slug, is_slug, new_id
from shared.contracts.request_id import current_request


def utc_now() -> datetime:
    """Now, in UTC, at the millisecond MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _instance_token(value: str) -> str:
    if value != NO_INSTANCE and not is_slug(value):
        raise ValueError(f"{value!r} is not an instance id: lower-case letters, digits, '-' and '_', at most 32")
    return value


InstanceToken = Annotated[str, AfterValidator(_instance_token)]


class Message(BaseModel):
    """One event, command, query or request. Immutable. Unknown fields are ignored: fields may be added, never
    removed."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    subject: ClassVar[str]

    id: str = Field(default_factory=new_id, max_length=128)
    at: datetime = Field(default_factory=utc_now)
    organization_id: Slug
    instance_id: InstanceToken = NO_INSTANCE
    cause: Annotated[str, StringConstraints(max_length=128)] | None = None
    """Id of the message that led to this one."""
    request_id: Annotated[str, StringConstraints(max_length=128)] | None = Field(default_factory=current_request)
    """The `X-Request-Id` of the HTTP request, or the id of the socket event, that led to this."""

    @property
    def full_subject(self) -> str:
        """Where it is published: `wa.<kind>.<noun>.<verb>.<organization>.<instance>`."""
        return f"{self.subject}.{self.organization_id}.{self.instance_id}"

    @property
    def deduplication_id(self) -> str:
        """JetStream stores one of the messages with the same one, within ten minutes."""
        return f"{self.subject}:{self.id}"

    @classmethod
    def subject_filter(cls, organization_id: str = "*", instance_id: str = "*") -> str:
        """The subject filter for messages of this class: of all, of one organization or of one instance."""
        return f"{cls.subject}.{organization_id}.{instance_id}"

    @classmethod
    def from_nats(cls, subject: str, body: bytes) -> Self:
        """Parse a message that arrived on `subject`.

        NATS permissions guard subjects and not bodies. Raises ValidationError for an invalid body, Reject for a body
        that names another organization or instance than its subject.
        """
        message = cls.model_validate_json(body)
        if message.full_subject != subject:
            raise Reject(f"the body belongs on {message.full_subject}")
        return message


class Event(Message):
    """A fact, in the past tense, for any number of consumers. `publishers`: the services that may publish it."""

    publishers: ClassVar[tuple[str, ...]] = ("session", "router")


class Command(Message):
    """An intent, in the imperative, for the one service that owns it. `issuers`: the services that may publish it."""

    issuers: ClassVar[tuple[str, ...]] = ("api", "realtime")


class EphemeralEvent(Message):
    """True only at this moment, published on core NATS and not persisted. `subscribers`: the NATS users of the product
    that may subscribe to it."""

    publishers: ClassVar[tuple[str, ...]] = ()
    subscribers: ClassVar[tuple[str, ...]] = ()


class Query(Message):
    """A read over NATS request/reply. `responder`: the service that replies."""

    responder: ClassVar[str] = "api"


class Request(Message):
    """A write over NATS request/reply, carried out by its REST route, from which its class is derived.

    Unknown fields are refused, because the requester gets the error and a misspelt field would be lost silently.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class RepeatableRequest(Request):
    """A request that creates or starts something. A second one with the same `idempotency_key` within a day gets the
    first reply and is not carried out."""

    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,255}$")] | None = None
