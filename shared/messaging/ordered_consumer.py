"""An organization's events from the stream, in order, without gap or repeat, whatever happens to the connection."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.contracts.ids import new_id
from shared.contracts.registry import EVENTS_STREAM
from shared.platform.background import keep_running, note_failure, stop_task

HEARTBEAT = 1.0
"""Seconds between two signs of life of the server while nothing happens."""
SILENCE = 3 * HEARTBEAT
"""After so many seconds without any, the consumer is taken for lost and made anew."""
INACTIVE = 30.0
"""Seconds after which the server forgets a consumer nobody listens to."""

Receive = Callable[[str, int, bytes], Awaitable[None]]
"""Called with the address, the sequence in the stream and the body of each event."""

log = logging.getLogger(__name__)


class Feed:
    """An ephemeral consumer of one subject filter that is made anew from the last event it delivered."""

    def __init__(self, client: Client, js: JetStreamContext, pattern: str, receive: Receive) -> None:
        self._client, self._js, self._pattern, self._receive = client, js, pattern, receive
        self.sequence = 0
        """Of the newest event that was delivered, or of the stream when the feed began."""
        self._expected = 1
        self._alive = 0.0
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._watch: asyncio.Task[None] | None = None

    async def start(self, from_beginning: bool = False) -> None:
        """From now on, or from the oldest event that is kept. Raises a NATS error when the stream does not answer."""
        state = (await self._js.stream_info(EVENTS_STREAM)).state
        self.sequence = 0 if from_beginning else state.last_seq
        await self._consume()
        self._watch = keep_running("feed", self._keep)

    async def stop(self) -> None:
        if self._watch:
            await stop_task(self._watch)
        await self._forget()

    async def _consume(self) -> None:
        await self._forget()
        inbox = self._client.new_inbox()
        self._expected, self._alive = 1, time.monotonic()
        self._subscription = await self._client.subscribe(inbox, cb=self._on_message)
        config = ConsumerConfig(
            name=f"realtime-{new_id()}",
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.sequence + 1,
            ack_policy=AckPolicy.NONE,
            filter_subject=self._pattern,
            idle_heartbeat=HEARTBEAT,
            mem_storage=True,
            inactive_threshold=INACTIVE,
            num_replicas=1,
        )
        self._consumer = (await self._js.add_consumer(EVENTS_STREAM, config)).name

    async def _forget(self) -> None:
        subscription, consumer = self._subscription, self._consumer
        self._subscription, self._consumer = None, ""
        with suppress(NatsError, TimeoutError, OSError):
            if subscription:
                await subscription.unsubscribe()
            if consumer:
                await self._js.delete_consumer(EVENTS_STREAM, consumer)

    async def _on_message(self, message: Msg) -> None:
        self._alive = time.monotonic()
        if not message.reply:  # a heartbeat
            self._check_heartbeat(message)
            return
        position = message.metadata.sequence
        if position.consumer != self._expected:
            self._alive = 0.0  # one is missing: begin again behind the last delivered
            return
        self._expected += 1
        if position.stream <= self.sequence:
            return
        try:
            await self._receive(message.subject, position.stream, message.data)
        except Exception as error:
            log.error("%s: an event could not be passed on", message.subject)
            note_failure("event of a feed", error)
        self.sequence = position.stream

    def _check_heartbeat(self, message: Msg) -> None:
        last = (message.headers or {}).get("Nats-Last-Consumer")
        if last is not None and int(last) != self._expected - 1:
            self._alive = 0.0

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT / 2)
            if time.monotonic() - self._alive < SILENCE or not self._client.is_connected:
                continue
            try:
                await self._begin_again()
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("%s: the events cannot be read yet: %s", self._pattern, error)

    async def _begin_again(self) -> None:
        """A stream that was made anew counts from one again: then from its beginning, nothing of it was delivered."""
        try:
            last = (await self._js.stream_info(EVENTS_STREAM)).state.last_seq
        except NotFoundError:
            return
        self.sequence = min(self.sequence, last)
        log.info("%s: reading on behind %d", self._pattern, self.sequence)
        await self._consume()
