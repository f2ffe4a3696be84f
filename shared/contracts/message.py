"""What every event, command, query and live message has in common, and the subject grammar (docs/decisions/0003)."""

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
    """One event, command or query. Frozen; unknown fields are ignored, so fields may be added but never removed."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    subject: ClassVar[str]

    id: str = Field(default_factory=new_id, max_length=128)
    at: datetime = Field(default_factory=utc_now)
    organization_id: Slug
    instance_id: InstanceToken = NO_INSTANCE
    cause: Annotated[str, StringConstraints(max_length=128)] | None = None
    """Id of the message this one follows from."""
    request_id: Annotated[str, StringConstraints(max_length=128)] | None = Field(default_factory=current_request)
    """The `X-Request-Id` of the HTTP request, or the id of the socket event, that led to this."""

    @property
    def full_subject(self) -> str:
        """`wa.<kind>.<noun>.<verb>.<organization>.<instance>`"""
        return f"{self.subject}.{self.organization_id}.{self.instance_id}"

    @classmethod
    def subject_filter(cls, organization_id: str = "*", instance_id: str = "*") -> str:
        """The subject filter for this class, for everybody, one organization or one instance."""
        return f"{cls.subject}.{organization_id}.{instance_id}"

    @classmethod
    def from_nats(cls, address: str, body: bytes) -> Self:
        """What arrived on `address`. NATS guards subjects, not bodies, so a body that names other ids is refused.

        Raises ValidationError, and Reject for other ids than those of the subject.
        """
        message = cls.model_validate_json(body)
        if message.full_subject != address:
            raise Reject(f"the body belongs on {message.full_subject}")
        return message


class Event(Message):
    """A fact, in the past tense; many readers. `publishers`: the services that may publish it."""

    publishers: ClassVar[tuple[str, ...]] = ("session", "router")


class Command(Message):
    """An intent, in the imperative; one owner. `issuers`: the services that may issue it."""

    issuers: ClassVar[tuple[str, ...]] = ("api", "realtime")


class EphemeralEvent(Message):
    """What is true only now: core NATS, kept by nobody. `hearers`: the shipped users that may hear it."""

    publishers: ClassVar[tuple[str, ...]] = ()
    subscribers: ClassVar[tuple[str, ...]] = ()


class Query(Message):
    """A question, answered by NATS request/reply. `answerer`: the service that does."""

    responder: ClassVar[str] = "api"


class Request(Message):
    """A write asked of the api and answered like its REST route. `issuers`: the shipped users that may ask.

    Who asks hears at once what was wrong, so a field that is not known is refused: a misspelt one would be lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    issuers: ClassVar[tuple[str, ...]] = ()


class RepeatableRequest(Request):
    """One that makes or starts something. The same `idempotency_key` within a day is answered and not done again."""

    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,255}$")] | None = None
