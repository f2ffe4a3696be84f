"""The streams: their settings, and their idempotent declaration.

The api declares them; every other service waits until they exist (docs/decisions/0031).
"""

import asyncio
import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from shared.contracts.registry import (
    COMMANDS,
    COMMANDS_STREAM,
    DEAD_PREFIX,
    DEAD_STREAM,
    EVENTS_STREAM,
    MAX_MESSAGE_BYTES,
    MAX_ROOMS_BYTES,
    MAX_ROOMS_MESSAGE_BYTES,
    ROOMS_PREFIX,
    ROOMS_RETENTION,
    ROOMS_STREAM,
)
from shared.messaging.client import NATS_OUTAGE_ERRORS, JetStreamContext
from shared.platform.retries import retry_during_outage
from shared.platform.settings import Settings

_DUPLICATE_WINDOW = timedelta(minutes=10)
_RETRY_DELAY_S = 0.5

log = logging.getLogger(__name__)


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

    # not `wa.command.>`: the stream would reply to requests before the api does
    command_subjects = [cls.subject_filter() for cls in COMMANDS.values()]
    return [
        config(EVENTS_STREAM, ["wa.event.>"], RetentionPolicy.LIMITS, settings.events_max_age),
        config(COMMANDS_STREAM, command_subjects, RetentionPolicy.WORK_QUEUE, settings.events_max_age),
        config(DEAD_STREAM, [f"{DEAD_PREFIX}>"], RetentionPolicy.LIMITS, settings.dead_max_age),
    ]


def _rooms_stream(settings: Settings) -> StreamConfig:
    """In memory: after a restart of NATS the clients join their rooms again."""
    return StreamConfig(
        name=ROOMS_STREAM,
        subjects=[f"{ROOMS_PREFIX}*"],
        max_msgs_per_subject=1,
        storage=StorageType.MEMORY,
        max_age=ROOMS_RETENTION.total_seconds(),
        max_bytes=MAX_ROOMS_BYTES,
        max_msg_size=MAX_ROOMS_MESSAGE_BYTES,
        discard=DiscardPolicy.OLD,
        allow_direct=True,
        num_replicas=settings.stream_replicas,
        duplicate_window=1,
    )


async def ensure_streams(js: JetStreamContext, settings: Settings) -> None:
    """Create or update every stream. Only the api may do this (decision 31).

    Waits until NATS is reachable, and until it accepts each configuration: a server that starts may not do so yet.
    """
    for config in _streams(settings):
        what = f"declaration of the stream {config.name}"
        await retry_during_outage(what, partial(_ensure, js, config), delay_s=_RETRY_DELAY_S)
    try:
        await _ensure(js, _rooms_stream(settings))
    except NATS_OUTAGE_ERRORS as error:  # no permission or no memory: clients join their rooms again
        log.warning("the stream %s cannot be declared: %s", ROOMS_STREAM, error)


async def await_streams(
    js: JetStreamContext, settings: Settings, *, needed: Collection[str] = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
) -> None:
    """Wait until these streams exist and take every subject of this version."""
    for config in (config for config in _streams(settings) if config.name in needed):
        while (reason := await _not_ready(js, config)) is not None:
            log.warning("waiting for the api to declare the stream %s: %s", config.name, reason)
            await asyncio.sleep(_RETRY_DELAY_S)


async def _not_ready(js: JetStreamContext, wanted: StreamConfig) -> str | None:
    """Why the stream cannot be used yet; None when it can be used."""
    try:
        known = (await js.stream_info(wanted.name or "")).config.subjects or []
    except NATS_OUTAGE_ERRORS as error:
        return str(error) or type(error).__name__
    missing = [subject for subject in wanted.subjects or [] if not any(_covers(wide, subject) for wide in known)]
    return f"it does not take {', '.join(missing[:3])}" if missing else None


def _covers(wide: str, subject: str) -> bool:
    """Whether the filter `wide` matches every subject that the filter `subject` matches."""
    return wide == subject or (wide.endswith(".>") and subject.startswith(wide[:-1]))


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        known = (await js.stream_info(config.name or "")).config.subjects or []
    except NotFoundError:
        await js.add_stream(config)
    else:
        # during an upgrade a newer version may have declared subjects that this one does not have
        newer = (subject for subject in known if not subject.endswith(">"))
        await js.update_stream(config.evolve(subjects=list(dict.fromkeys([*(config.subjects or []), *newer]))))
