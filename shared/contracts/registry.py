"""The registry of message classes by subject, and the names of streams, durable consumers and dead letters."""

from datetime import timedelta
from types import ModuleType
from typing import TypeVar

from shared.contracts import commands, ephemeral, events
from shared.contracts.message import Command, EphemeralEvent, Event, Message

EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM = "WA_EVENTS", "WA_COMMANDS", "WA_DEAD"
LEASES_BUCKET = "WA_LEASES"
ROOMS_STREAM, ROOMS_PREFIX = "WA_ROOMS", "wa.rooms."
"""The newest message about each socket connection that joined rooms; internal to realtime, no contract (decision
41)."""
ROOMS_RETENTION = timedelta(minutes=2)
MAX_ROOMS_BYTES, MAX_ROOMS_MESSAGE_BYTES = 32 << 20, 32 << 10
DEAD_PREFIX = "wa.dead."
MAX_MESSAGE_BYTES = 1_000_000

T = TypeVar("T", bound=Message)


def _by_subject(module: ModuleType, base: type[T]) -> dict[str, type[T]]:
    classes = (item for item in vars(module).values() if isinstance(item, type) and issubclass(item, base))
    return {cls.subject: cls for cls in classes if cls is not base and "subject" in vars(cls)}


EVENTS = _by_subject(events, Event)
"""Every event class by its subject."""
COMMANDS = _by_subject(commands, Command)
"""Every command class by its subject."""
EPHEMERAL_EVENTS = _by_subject(ephemeral, EphemeralEvent)
"""Every ephemeral event class by its subject."""


def stream_of(message: type[Message]) -> str:
    """The stream that keeps messages of this class."""
    return COMMANDS_STREAM if issubclass(message, Command) else EVENTS_STREAM


def durable_name(service: str, message: type[Message]) -> str:
    """`<service>-<noun>-<verb>`, e.g. `router-message-received`; for commands `session-do-session-send`."""
    noun, verb = message.subject.split(".")[2:4]
    return f"{service}-do-{noun}-{verb}" if issubclass(message, Command) else f"{service}-{noun}-{verb}"


def organization_events_filter(organization_id: str) -> str:
    """The subject filter for all events of one organization."""
    return f"wa.event.*.*.{organization_id}.*"


def ephemeral_filters(service: str, organization_id: str) -> list[str]:
    """The subject filters for the ephemeral events of one organization that this service may subscribe to."""
    return [cls.subject_filter(organization_id) for cls in EPHEMERAL_EVENTS.values() if service in cls.subscribers]


def dead_letters_filter(organization_id: str) -> str:
    """The subject filter for every dead letter of one organization."""
    return f"{DEAD_PREFIX}wa.*.*.*.{organization_id}.*"


def class_subject(subject: str) -> str:
    """The part of a full subject that names the class, `wa.event.message.received`."""
    return ".".join(subject.split(".")[:4])


def parse_event(subject: str, body: bytes) -> Event | None:
    """The event of a NATS message; None for a class that this version does not have. Raises ValidationError."""
    cls = EVENTS.get(class_subject(subject))
    return cls.model_validate_json(body) if cls else None


def parse_ephemeral(subject: str, body: bytes) -> EphemeralEvent | None:
    """The ephemeral event of a NATS message, likewise."""
    cls = EPHEMERAL_EVENTS.get(class_subject(subject))
    return cls.model_validate_json(body) if cls else None
