"""What the stream of events knows of each message's way through the services, read after a run so as not to disturb."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from shared.contracts.events import MessageReceived, MessageRecorded
from shared.contracts.registry import EVENTS_STREAM, parse_event

_QUIET = 1.0
"""Seconds without an event after which all have been read."""


@dataclass
class Trail:
    """Epoch seconds; 0 until known. See latency_report.Journey."""

    decrypted: float = 0
    received: float = 0
    recorded: float = 0


async def read_trail(url: str, organization_id: str, begun: float) -> dict[str, Trail]:
    """The complete trails of the messages that were stored since `begun` (epoch seconds), by WhatsApp id."""
    trails: dict[str, Trail] = {}
    client = await nats.connect(url)
    try:
        for cls in (MessageReceived, MessageRecorded):
            async for message in _stored(client.jetstream(), cls.subject_filter(organization_id), begun):
                _note(message, trails)
    finally:
        await client.close()
    return {wa_id: trail for wa_id, trail in trails.items() if trail.received and trail.recorded}


async def _stored(js: JetStreamContext, pattern: str, begun: float) -> AsyncIterator[Msg]:
    since = datetime.fromtimestamp(begun, UTC)
    config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=since)
    subscription = await js.subscribe(pattern, stream=EVENTS_STREAM, config=config, ordered_consumer=True)
    with suppress(TimeoutError):
        while True:
            yield await subscription.next_msg(timeout=_QUIET)
    await subscription.unsubscribe()


def _note(message: Msg, trails: dict[str, Trail]) -> None:
    event, stored = parse_event(message.subject, message.data), message.metadata.timestamp.timestamp()
    if isinstance(event, MessageReceived):
        trail = trails.setdefault(event.wa_id, Trail())
        trail.decrypted, trail.received = event.at.timestamp(), stored
    elif isinstance(event, MessageRecorded) and event.message.wa_id:
        trails.setdefault(event.message.wa_id, Trail()).recorded = stored
