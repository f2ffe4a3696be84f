"""The registry of message classes by subject, and the names of streams, durable consumers and dead letters."""

from datetime import timedelta
from types import ModuleType
from typing import TypeVar

from shared.contracts import commands, ephemeral, events, requests
from shared.contracts.message import Command, EphemeralEvent, Event, Message, Request

EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM = "WA_EVENTS", "WA_COMMANDS", "WA_DEAD"
LEASES_BUCKET = "WA_LEASES"
ROOMS_STREAM, ROOMS_PREFIX = "WA_ROOMS", "wa.rooms."
"""The last message about each socket connection that joined rooms; realtime's own, and no contract (decision 41)."""
ROOMS_KEPT = timedelta(minutes=2)
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
REQUESTS = _by_subject(requests, Request)
"""Every request class by its subject."""
EPHEMERAL_EVENTS = _by_subject(ephemeral, EphemeralEvent)
"""Every live class by its subject."""


def stream_of(message: type[Message]) -> str:
    """The stream that keeps messages of this class."""
    return COMMANDS_STREAM if issubclass(message, Command) else EVENTS_STREAM


def durable_name(service: str, message: type[Message]) -> str:
    """`<service>-<noun>-<verb>`, e.g. `router-message-received`; for commands `session-do-session-send`."""
    noun, verb = message.subject.split(".")[2:4]
    return f"{service}-do-{noun}-{verb}" if issubclass(message, Command) else f"{service}-{noun}-{verb}"


def organization_events_filter(organization_id: str) -> str:
    """The subject filter for everything that happens in one organization."""
    return f"wa.event.*.*.{organization_id}.*"


def ephemeral_filters(service: str, organization_id: str) -> list[str]:
    """The subject filters for what this service may hear of one organization just now; it may hear no wider ones."""
    return [cls.subject_filter(organization_id) for cls in EPHEMERAL_EVENTS.values() if service in cls.subscribers]


def dead_letters_filter(organization_id: str) -> str:
    """The subject filter for every dead letter of one organization."""
    return f"{DEAD_PREFIX}wa.*.*.*.{organization_id}.*"


def class_subject(address: str) -> str:
    """The class part of an address, `wa.event.message.received`."""
    return ".".join(address.split(".")[:4])


def parse_event(address: str, body: bytes) -> Event | None:
    """The event a NATS message carries; None for a class this version does not know. Raises ValidationError."""
    cls = EVENTS.get(class_subject(address))
    return cls.model_validate_json(body) if cls else None


def parse_ephemeral(address: str, body: bytes) -> EphemeralEvent | None:
    """The same for what is only live."""
    cls = EPHEMERAL_EVENTS.get(class_subject(address))
    return cls.model_validate_json(body) if cls else None
