"""Ordered consumer: the messages of a stream under one subject filter, in order, without gap or repeat.

It acknowledges nothing and is not durable. When it is lost, misses a message or the connection breaks, a new one is
created that starts after the last message that was delivered.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.contracts.ids import new_id
from shared.messaging.client import NATS_OUTAGE_ERRORS, JetStreamContext, NatsClient, NatsMessage, Subscription
from shared.platform.background import keep_running, log_failure, stop_task

HEARTBEAT_INTERVAL_S = 1.0
"""The server sends a heartbeat so often while there are no messages."""
HEARTBEAT_TIMEOUT_S = 3 * HEARTBEAT_INTERVAL_S
"""Without a message or a heartbeat for so long, the consumer counts as lost and is created again."""
CONSUMER_INACTIVE_S = 30.0
"""The server deletes a consumer that had no subscriber for so long."""

MessageHandler = Callable[[str, int, bytes], Awaitable[None]]
"""Called with the subject, the sequence in the stream and the body of each message."""

log = logging.getLogger(__name__)


def ephemeral_consumer(subject_filter: str, after: int) -> ConsumerConfig:
    """A consumer in memory, deleted when unused, of the messages behind the sequence `after`. It has a name of its own:
    only then does the name stand in the subject of the API call, where permissions can see it."""
    return ConsumerConfig(
        name=f"ordered-{new_id()}",
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        filter_subject=subject_filter,
        mem_storage=True,
        inactive_threshold=CONSUMER_INACTIVE_S,
        num_replicas=1,
    )


class OrderedConsumer:
    """Calls `handler` for one message after the other. A message whose handler raises is logged and skipped."""

    def __init__(
        self, client: NatsClient, js: JetStreamContext, stream: str, subject_filter: str, handler: MessageHandler
    ) -> None:
        self._client = client
        self._js = js
        self._stream = stream
        self._subject_filter = subject_filter
        self._handler = handler
        self.sequence = 0
        """Of the last message that was delivered; before the first one, of the newest in the stream at the start."""
        self._next_sequence = 1
        """The consumer's own sequence number that the next message must have."""
        self._last_activity = 0.0
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._monitor_task: asyncio.Task[None] | None = None

    async def start(self, from_beginning: bool = False) -> None:
        """Deliver new messages only, or first all that the stream has. Raises NatsError while it is unreachable."""
        state = (await self._js.stream_info(self._stream)).state
        self.sequence = 0 if from_beginning else state.last_seq
        await self._create()
        self._monitor_task = keep_running("ordered consumer", self._monitor)

    async def stop(self) -> None:
        if self._monitor_task:
            await stop_task(self._monitor_task)
        await self._delete()

    async def _create(self) -> None:
        await self._delete()
        inbox = self._client.new_inbox()
        self._next_sequence, self._last_activity = 1, time.monotonic()
        self._subscription = await self._client.subscribe(inbox, cb=self._on_message)
        config = ephemeral_consumer(self._subject_filter, self.sequence)
        config.deliver_subject, config.idle_heartbeat = inbox, HEARTBEAT_INTERVAL_S
        self._consumer = (await self._js.add_consumer(self._stream, config)).name

    async def _delete(self) -> None:
        subscription, consumer = self._subscription, self._consumer
        self._subscription, self._consumer = None, ""
        with suppress(*NATS_OUTAGE_ERRORS):
            if subscription:
                await subscription.unsubscribe()
            if consumer:
                await self._js.delete_consumer(self._stream, consumer)

    async def _on_message(self, message: NatsMessage) -> None:
        self._last_activity = time.monotonic()
        if not message.reply:  # a heartbeat
            self._check_heartbeat(message)
            return
        position = message.metadata.sequence
        if position.consumer != self._next_sequence:
            self._last_activity = 0.0  # a message is missing: create the consumer again behind the last delivered
            return
        self._next_sequence += 1
        if position.stream <= self.sequence:
            return
        try:
            await self._handler(message.subject, position.stream, message.data)
        except Exception as error:
            log.error("%s: the handler failed; the message is skipped", message.subject)
            log_failure("handler of an ordered consumer", error)
        self.sequence = position.stream

    def _check_heartbeat(self, message: NatsMessage) -> None:
        """It names the last message the server sent; when another one is expected next, that one was lost."""
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
            except NATS_OUTAGE_ERRORS as error:
                log.warning("%s: the consumer cannot be created again yet: %s", self._subject_filter, error)

    async def _recreate(self) -> None:
        """A stream that was deleted and declared again counts from one: then start at its beginning."""
        try:
            last = (await self._js.stream_info(self._stream)).state.last_seq
        except NotFoundError:
            return
        self.sequence = min(self.sequence, last)
        log.info("%s: consuming again behind sequence %d", self._subject_filter, self.sequence)
        await self._create()
