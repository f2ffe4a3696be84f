"""An organization's events from the stream, in order, without gap or repeat, whatever happens to the connection."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.contracts.ids import new_id
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import JetStreamContext, NatsClient, NatsError, NatsMessage, Subscription
from shared.platform.background import keep_running, note_failure, stop_task

HEARTBEAT_INTERVAL_S = 1.0
"""Seconds between two signs of life of the server while nothing happens."""
HEARTBEAT_TIMEOUT_S = 3 * HEARTBEAT_INTERVAL_S
"""After so many seconds without any, the consumer is taken for lost and made anew."""
CONSUMER_INACTIVE_S = 30.0
"""Seconds after which the server forgets a consumer nobody listens to."""

MessageHandler = Callable[[str, int, bytes], Awaitable[None]]
"""Called with the address, the sequence in the stream and the body of each event."""

log = logging.getLogger(__name__)


class OrderedConsumer:
    """An ephemeral consumer of one subject filter that is made anew from the last event it delivered."""

    def __init__(self, client: NatsClient, js: JetStreamContext, pattern: str, receive: MessageHandler) -> None:
        self._client, self._js, self._subject_filter, self._handler = client, js, pattern, receive
        self.sequence = 0
        """Of the newest event that was delivered, or of the stream when the feed began."""
        self._next_sequence = 1
        self._last_activity = 0.0
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._monitor_task: asyncio.Task[None] | None = None

    async def start(self, from_beginning: bool = False) -> None:
        """From now on, or from the oldest event that is kept. Raises a NATS error when the stream does not answer."""
        state = (await self._js.stream_info(EVENTS_STREAM)).state
        self.sequence = 0 if from_beginning else state.last_seq
        await self._create()
        self._monitor_task = keep_running("feed", self._monitor)

    async def stop(self) -> None:
        if self._monitor_task:
            await stop_task(self._monitor_task)
        await self._delete()

    async def _create(self) -> None:
        await self._delete()
        inbox = self._client.new_inbox()
        self._next_sequence, self._last_activity = 1, time.monotonic()
        self._subscription = await self._client.subscribe(inbox, cb=self._on_message)
        config = ConsumerConfig(
            name=f"realtime-{new_id()}",
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.sequence + 1,
            ack_policy=AckPolicy.NONE,
            filter_subject=self._subject_filter,
            idle_heartbeat=HEARTBEAT_INTERVAL_S,
            mem_storage=True,
            inactive_threshold=CONSUMER_INACTIVE_S,
            num_replicas=1,
        )
        self._consumer = (await self._js.add_consumer(EVENTS_STREAM, config)).name

    async def _delete(self) -> None:
        subscription, consumer = self._subscription, self._consumer
        self._subscription, self._consumer = None, ""
        with suppress(NatsError, TimeoutError, OSError):
            if subscription:
                await subscription.unsubscribe()
            if consumer:
                await self._js.delete_consumer(EVENTS_STREAM, consumer)

    async def _on_message(self, message: NatsMessage) -> None:
        self._last_activity = time.monotonic()
        if not message.reply:  # a heartbeat
            self._check_heartbeat(message)
            return
        position = message.metadata.sequence
        if position.consumer != self._next_sequence:
            self._last_activity = 0.0  # one is missing: begin again behind the last delivered
            return
        self._next_sequence += 1
        if position.stream <= self.sequence:
            return
        try:
            await self._handler(message.subject, position.stream, message.data)
        except Exception as error:
            log.error("%s: an event could not be passed on", message.subject)
            note_failure("event of a feed", error)
        self.sequence = position.stream

    def _check_heartbeat(self, message: NatsMessage) -> None:
        last = (message.headers or {}).get("Nats-Last-Consumer")
        if last is not None and int(last) != self._next_sequence - 1:
            self._last_activity = 0.0

    async def _monitor(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_INTERVAL_S / 2)
            if time.monotonic() - self._last_activity < HEARTBEAT_TIMEOUT_S or not self._client.is_connected:
                continue
            try:
                await self._recreate()
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("%s: the events cannot be read yet: %s", self._subject_filter, error)

    async def _recreate(self) -> None:
        """A stream that was made anew counts from one again: then from its beginning, nothing of it was delivered."""
        try:
            last = (await self._js.stream_info(EVENTS_STREAM)).state.last_seq
        except NotFoundError:
            return
        self.sequence = min(self.sequence, last)
        log.info("%s: reading on behind %d", self._subject_filter, self.sequence)
        await self._create()
