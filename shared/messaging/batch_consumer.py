"""Batch consumer: hands all pending messages of one class to the handler at once.

Delivery is as in shared/messaging/consumer.py. The framework costs half a millisecond of processor time per message
before its handler runs, so these messages are taken from the NATS client itself (docs/decisions/0023).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Generic, TypeVar

from faststream.nats import NatsBroker

from shared.contracts.message import Message
from shared.contracts.registry import stream_of
from shared.contracts.request_id import HEADER, bound_request_id
from shared.messaging.ack_extension import AckExtender
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsMessage, broker_client, jetstream
from shared.messaging.consumer import nak_or_dead_letter
from shared.messaging.direct_subscription import durable_subscription
from shared.messaging.durable_consumers import push_consumer_config, update_consumer
from shared.messaging.metrics import Result, observe_handling
from shared.platform.background import finish_tasks, log_failure, run_once
from shared.platform.settings import Settings

M = TypeVar("M", bound=Message)
BatchHandler = Callable[[Sequence[M]], Awaitable[Sequence[Exception | None]]]
"""Returns for each message, in their order, why it could not be handled, or None."""

MAX_BATCH_SIZE = 512
"""Messages handed to the handler at once."""
CONCURRENT_BATCHES = 2
"""While one batch waits for MongoDB, another uses the processor."""
SLOW_BATCH_AFTER_S = 1.0
"""A batch slower than this stops counting against CONCURRENT_BATCHES, so it cannot stall the rest."""
MAX_CONCURRENT_BATCHES = 32
"""Slow batches included."""
MAX_UNACKED = 2048
"""Messages that JetStream delivers before it has the acks of earlier ones, and messages that wait for a batch."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def batch_consumer(
    broker: NatsBroker, settings: Settings, service: str, message_class: type[M], handle: BatchHandler[M]
) -> AsyncIterator[None]:
    """Inside this block `handle` gets every message of the class, each once per delivery.

    A batch starts at once while fewer than CONCURRENT_BATCHES run, else with all messages that arrived meanwhile. An
    exception of `handle` counts for each message of its batch. At the end of the block the running batches have
    `shutdown_grace` to finish; what is not acked then is delivered again.
    """
    js = jetstream(broker_client(broker))
    config = push_consumer_config(service, message_class, settings, max_unacked=MAX_UNACKED)
    await update_consumer(js, stream_of(message_class), config)
    batches = _BatchConsumer(broker, message_class, handle, settings.ack_wait)
    try:
        async with durable_subscription(js, stream_of(message_class), config, batches.receive):
            yield
    finally:
        await batches.finish(settings.shutdown_grace.total_seconds())


class _BatchConsumer(Generic[M]):
    def __init__(
        self, broker: NatsBroker, message_class: type[M], handle: BatchHandler[M], ack_wait: timedelta
    ) -> None:
        self._broker = broker
        self._message_class = message_class
        self._handle = handle
        self._ack_extender = AckExtender(ack_wait)
        self._pending: list[NatsMessage] = []
        self._stopped = False
        self._tasks = set[asyncio.Task[None]]()
        self._free_slots = CONCURRENT_BATCHES
        self._running = 0

    async def receive(self, raw: NatsMessage) -> None:
        sequence = raw.metadata.sequence.stream
        if sequence not in self._ack_extender and len(self._pending) < MAX_UNACKED:  # else it is delivered again
            self._ack_extender.add(sequence, raw)
            self._pending.append(raw)
        self._start()

    def _start(self) -> None:
        if self._free_slots and self._pending and self._running < MAX_CONCURRENT_BATCHES and not self._stopped:
            self._free_slots -= 1
            self._running += 1
            task = run_once("batch consumer", self._run_batches())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self, timeout_s: float) -> None:
        """Wait until the running batches are settled, at most `timeout_s`."""
        if not await finish_tasks(self._tasks, timeout_s, self._stop):
            log.warning(
                "the handler of %s did not end within %g s: its messages are delivered again",
                self._message_class,
                timeout_s,
            )

    def _stop(self) -> None:
        """Start no further batch, and let JetStream deliver the messages to another process."""
        self._stopped = True
        self._ack_extender.clear()

    async def _run_batches(self) -> None:
        """Batch after batch while messages are pending and the slot is kept."""
        has_slot = True

        def release_slot() -> None:
            nonlocal has_slot
            has_slot = False
            self._free_slots += 1
            self._start()

        try:
            while has_slot and self._pending:
                batch, self._pending = self._pending[:MAX_BATCH_SIZE], self._pending[MAX_BATCH_SIZE:]
                timer = asyncio.get_running_loop().call_later(SLOW_BATCH_AFTER_S, release_slot)
                try:
                    await self._settle(batch)
                finally:
                    timer.cancel()
        finally:  # here and not in a callback of the task: a message that arrives in between would wait for the next
            self._free_slots += has_slot
            self._running -= 1
            self._start()

    async def _settle(self, batch: list[NatsMessage]) -> None:
        """Handle a batch; ack, nak or dead-letter each of its messages."""
        started_at = time.perf_counter()
        parsed: list[tuple[NatsMessage, M]] = []
        results: list[tuple[NatsMessage, Exception | None]] = []
        for raw in batch:
            try:
                parsed.append((raw, self._message_class.from_nats(raw.subject, raw.data)))
            except Exception as error:
                results.append((raw, error))
        errors = await self._call_handler([message for _, message in parsed])
        results += zip((raw for raw, _ in parsed), errors, strict=True)
        for raw, failure in results:
            try:
                observe_handling(self._message_class.subject, await self._settle_one(raw, failure), started_at)
            except NATS_OUTAGE_ERRORS as error:
                log.warning("%s: could not be acked, so it is delivered again (%s)", raw.subject, error)
            except Exception as error:  # the other messages of the batch are settled all the same
                log_failure("ack of a batch", error)
            finally:
                self._ack_extender.remove(raw.metadata.sequence.stream)

    async def _settle_one(self, raw: NatsMessage, failure: Exception | None) -> Result:
        if failure is None:
            await raw.ack()
            return "ack"
        with bound_request_id((raw.headers or {}).get(HEADER)):
            delay_s = await nak_or_dead_letter(self._broker, raw, failure)
        return "dead_letter" if delay_s is None else "nak"

    async def _call_handler(self, messages: list[M]) -> Sequence[Exception | None]:
        try:
            return await self._handle(messages) if messages else []
        except Exception as error:
            return [error] * len(messages)
