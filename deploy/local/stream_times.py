"""The times at which the event stream stored the events of each message, read after a run so as not to disturb it."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy

from shared.contracts.events import MessageReceived, MessageRecorded
from shared.contracts.registry import EVENTS_STREAM, parse_event
from shared.messaging.client import JetStreamContext, NatsMessage

_IDLE_TIMEOUT_S = 1.0
"""After this time without an event all have been read."""


@dataclass
class StreamTimes:
    """Epoch seconds; 0 until read. See latency_report.MessageTimes."""

    decrypted: float = 0
    received: float = 0
    recorded: float = 0


async def read_stream_times(url: str, organization_id: str, begun: float) -> dict[str, StreamTimes]:
    """By WhatsApp id, the times of messages stored since `begun` (epoch seconds); incomplete ones are left out."""
    times_by_id: dict[str, StreamTimes] = {}
    client = await nats.connect(url)
    try:
        for cls in (MessageReceived, MessageRecorded):
            async for message in stored_messages(client.jetstream(), cls.subject_filter(organization_id), begun):
                _record(message, times_by_id)
    finally:
        await client.close()
    return {wa_id: times for wa_id, times in times_by_id.items() if times.received and times.recorded}


async def stored_messages(js: JetStreamContext, pattern: str, begun: float) -> AsyncIterator[NatsMessage]:
    """The messages of the event stream with these subjects, stored since `begun` (epoch seconds)."""
    since = datetime.fromtimestamp(begun, UTC)
    config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=since)
    subscription = await js.subscribe(pattern, stream=EVENTS_STREAM, config=config, ordered_consumer=True)
    with suppress(TimeoutError):
        while True:
            yield await subscription.next_msg(timeout=_IDLE_TIMEOUT_S)
    await subscription.unsubscribe()


def _record(message: NatsMessage, times_by_id: dict[str, StreamTimes]) -> None:
    event, stored = parse_event(message.subject, message.data), message.metadata.timestamp.timestamp()
    if isinstance(event, MessageReceived):
        times = times_by_id.setdefault(event.wa_id, StreamTimes())
        times.decrypted, times.received = event.at.timestamp(), stored
    elif isinstance(event, MessageRecorded) and event.message.wa_id:
        times_by_id.setdefault(event.message.wa_id, StreamTimes()).recorded = stored
