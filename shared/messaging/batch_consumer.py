"""The way in for what comes in floods: all messages of one class that wait are handled together.

Delivery is as in shared/messaging/consumer.py. Through the framework each message costs half a millisecond of processor
before any handler sees it; so these are taken from the NATS client itself (docs/decisions/0023).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Generic, TypeVar

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.contracts.message import Message
from shared.contracts.registry import stream_of
from shared.contracts.request_id import HEADER, bound_request_id
from shared.messaging.ack_extension import AckExtender
from shared.messaging.consumer import broker_client, jetstream, nak_or_dead_letter
from shared.messaging.durable_consumers import push_consumer_config, update_consumer
from shared.platform.background import finish_tasks, note_failure, run_once
from shared.platform.settings import Settings

M = TypeVar("M", bound=Message)
Handle = Callable[[Sequence[M]], Awaitable[Sequence[Exception | None]]]
"""What became of each, in their order; None: done."""

MAX_BATCH_SIZE = 512
"""Messages handled together."""
CONCURRENT_BATCHES = 2
"""Batches under way at once: while one waits for MongoDB, another has the processor."""
SLOW_BATCH_AFTER_S = 1.0
"""Seconds after which a batch that waits for somebody else, say for WhatsApp, gives its lane to what came meanwhile."""
MAX_CONCURRENT_BATCHES = 32
"""Batches that wait so."""
MAX_UNACKED = 2048
"""Messages that are not acknowledged, and of those that wait here."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def batch_consumer(
    broker: NatsBroker, settings: Settings, service: str, message: type[M], handle: Handle[M]
) -> AsyncIterator[None]:
    """Inside this block `handle` gets every message of the class: at once while a lane is free, else with all the
    others that came meanwhile. Raising counts for all of them. At the end what is in hand is finished, within
    `shutdown_grace`."""
    js = jetstream(broker_client(broker))
    wanted = push_consumer_config(service, message, settings, in_hand=MAX_UNACKED)
    await update_consumer(js, stream_of(message), wanted)
    batches = _BatchConsumer(broker, message, handle, settings.ack_wait)
    subscription = await js.subscribe(
        message.subject_filter(),
        queue=wanted.durable_name,
        stream=stream_of(message),
        cb=batches.take,
        manual_ack=True,
        config=wanted,
    )
    try:
        yield
    finally:
        drain: Callable[[], Awaitable[None]] = subscription.drain
        with suppress(NatsError):  # the connection is closed: what is in hand comes again, to another process
            await drain()
        await batches.finished(settings.shutdown_grace.total_seconds())


class _BatchConsumer(Generic[M]):
    def __init__(self, broker: NatsBroker, message: type[M], handle: Handle[M], ack_wait: timedelta) -> None:
        self._broker, self._message, self._handle = broker, message, handle
        self._in_hand = AckExtender(ack_wait)
        self._ended = False
        self._waiting: list[Msg] = []
        self._free, self._running, self._lanes = CONCURRENT_BATCHES, 0, set[asyncio.Task[None]]()

    async def take(self, raw: Msg) -> None:
        order = raw.metadata.sequence.stream
        if order not in self._in_hand and len(self._waiting) < MAX_UNACKED:  # what is left out comes once more
            self._in_hand.take(order, raw)
            self._waiting.append(raw)
        self._begin()

    def _begin(self) -> None:
        if self._free and self._waiting and self._running < MAX_CONCURRENT_BATCHES and not self._ended:
            self._free, self._running = self._free - 1, self._running + 1
            lane = run_once("batches", self._empty())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def finished(self, timeout_s: float) -> None:
        """Nothing is in hand any more, or the time is over: what is left is delivered again, to another process."""
        if not await finish_tasks(self._lanes, timeout_s, self._end):
            log.warning("the handler of %s did not end within %g s: its messages come again", self._message, timeout_s)

    def _end(self) -> None:
        """Nothing new begins."""
        self._ended = True
        self._in_hand.clear()

    async def _empty(self) -> None:
        held = True

        def release_slot() -> None:
            nonlocal held
            held, self._free = False, self._free + 1
            self._begin()

        try:
            while held and self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH_SIZE], self._waiting[MAX_BATCH_SIZE:]
                patience = asyncio.get_running_loop().call_later(SLOW_BATCH_AFTER_S, release_slot)
                try:
                    await self._settle(batch)
                finally:
                    patience.cancel()
        finally:  # not when the task is seen to be done: what comes in between would wait for the next
            self._free, self._running = self._free + held, self._running - 1
            self._begin()

    async def _settle(self, batch: list[Msg]) -> None:
        readable: list[tuple[Msg, M]] = []
        outcomes: list[tuple[Msg, Exception | None]] = []
        for raw in batch:
            try:
                readable.append((raw, self._message.from_nats(raw.subject, raw.data)))
            except Exception as error:
                outcomes.append((raw, error))
        outcomes += zip((raw for raw, _ in readable), await self._handled([said for _, said in readable]), strict=True)
        for raw, outcome in outcomes:
            try:
                await self._answer(raw, outcome)
            except (NatsError, OSError) as error:
                log.warning("%s: could not be acknowledged, so it comes again (%s)", raw.subject, error)
            except Exception as error:  # one message holds up no other
                note_failure("acknowledgement of a batch", error)
            finally:
                self._in_hand.leave(raw.metadata.sequence.stream)

    async def _handled(self, messages: list[M]) -> Sequence[Exception | None]:
        try:
            return await self._handle(messages) if messages else []
        except Exception as error:
            return [error] * len(messages)

    async def _answer(self, raw: Msg, outcome: Exception | None) -> None:
        if outcome is None:
            await raw.ack()
        else:
            with bound_request_id((raw.headers or {}).get(HEADER)):
                await nak_or_dead_letter(self._broker, raw, outcome)
