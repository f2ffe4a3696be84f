"""Streams, durable names and dead letters, all named by rule; the one idempotent declaration of the streams.

The api declares the streams; every other service looks and waits until they are there (docs/decisions/0031).
"""

import asyncio
import logging
from collections.abc import Collection
from datetime import timedelta
from types import ModuleType
from typing import TypeVar

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from shared.contracts import commands, ephemeral, events, requests
from shared.contracts.message import Command, EphemeralEvent, Event, Message, Request
from shared.platform.settings import Settings

EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM = "WA_EVENTS", "WA_COMMANDS", "WA_DEAD"
LEASES_BUCKET = "WA_LEASES"
ROOMS_STREAM, ROOMS_PREFIX = "WA_ROOMS", "wa.rooms."
"""The last message about each socket connection that joined rooms; realtime's own, and no contract (decision 41)."""
ROOMS_KEPT = timedelta(minutes=2)
MAX_ROOMS_BYTES, MAX_ROOMS_MESSAGE_BYTES = 32 << 20, 32 << 10
DEAD_PREFIX = "wa.dead."
MAX_MESSAGE_BYTES = 1_000_000
_DUPLICATE_WINDOW = timedelta(minutes=10)

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

log = logging.getLogger(__name__)


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


def _streams(settings: Settings) -> list[StreamConfig]:
    def config(name: str, subjects: list[str], retention: RetentionPolicy, max_age: timedelta) -> StreamConfig:
        return StreamConfig(
            name=name,
            subjects=subjects,
            retention=retention,
            max_age=max_age.total_seconds(),
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            num_replicas=settings.stream_replicas,
            duplicate_window=_DUPLICATE_WINDOW.total_seconds(),
            max_msg_size=MAX_MESSAGE_BYTES,
        )

    # not `wa.command.>`: the stream would answer who makes a request before the api does
    kept = [cls.subject_filter() for cls in COMMANDS.values()]
    return [
        config(EVENTS_STREAM, ["wa.event.>"], RetentionPolicy.LIMITS, settings.events_max_age),
        config(COMMANDS_STREAM, kept, RetentionPolicy.WORK_QUEUE, settings.events_max_age),
        config(DEAD_STREAM, [f"{DEAD_PREFIX}>"], RetentionPolicy.LIMITS, settings.dead_max_age),
    ]


def _rooms(settings: Settings) -> StreamConfig:
    """In memory: when NATS starts anew, clients join their rooms by themselves."""
    return StreamConfig(
        name=ROOMS_STREAM,
        subjects=[f"{ROOMS_PREFIX}*"],
        max_msgs_per_subject=1,
        storage=StorageType.MEMORY,
        max_age=ROOMS_KEPT.total_seconds(),
        max_bytes=MAX_ROOMS_BYTES,
        max_msg_size=MAX_ROOMS_MESSAGE_BYTES,
        discard=DiscardPolicy.OLD,
        allow_direct=True,
        num_replicas=settings.stream_replicas,
        duplicate_window=1,
    )


async def ensure_streams(js: JetStreamContext, settings: Settings) -> None:
    """Create or update every stream; waits for NATS when it is still starting. Only the api may (decision 31)."""
    for config in _streams(settings):
        while True:
            try:
                await _ensure(js, config)
                break
            except (NatsError, TimeoutError) as error:
                log.warning("waiting for JetStream: %s", error)
                await asyncio.sleep(0.5)
    try:
        await _ensure(js, _rooms(settings))
    except (NatsError, TimeoutError) as error:  # no right to it, or no memory left: clients join their rooms again
        log.warning("the stream %s cannot be declared: %s", ROOMS_STREAM, error)


async def await_streams(
    js: JetStreamContext, settings: Settings, *, needed: Collection[str] = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
) -> None:
    """Wait until these streams are there and take every subject of this version."""
    for config in (config for config in _streams(settings) if config.name in needed):
        while (reason := await _not_ready(js, config)) is not None:
            log.warning("waiting for the api to declare the stream %s: %s", config.name, reason)
            await asyncio.sleep(0.5)


async def _not_ready(js: JetStreamContext, wanted: StreamConfig) -> str | None:
    """Why the stream cannot be used yet; None when it can."""
    try:
        known = (await js.stream_info(wanted.name or "")).config.subjects or []
    except (NatsError, TimeoutError) as error:
        return str(error) or type(error).__name__
    missing = [subject for subject in wanted.subjects or [] if not any(_covers(wide, subject) for wide in known)]
    return f"it does not take {', '.join(missing[:3])}" if missing else None


def _covers(wide: str, subject: str) -> bool:
    """Every address of `subject` is one of `wide`."""
    return wide == subject or (wide.endswith(".>") and subject.startswith(wide[:-1]))


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        known = (await js.stream_info(config.name or "")).config.subjects or []
    except NotFoundError:
        await js.add_stream(config)
    else:
        # a newer version beside this one may have declared classes that this one does not know
        newer = (subject for subject in known if not subject.endswith(">"))
        await js.update_stream(config.evolve(subjects=list(dict.fromkeys([*(config.subjects or []), *newer]))))
