"""Publishes the events of a node, in order per instance: journaled events of the workers, and status events."""

import asyncio
import base64
import logging
from collections.abc import Callable
from functools import partial

from prometheus_client import Gauge
from pydantic import ValidationError

from services.session.ipc.messages import JournaledEvent
from shared.contracts.message import Message
from shared.contracts.registry import parse_event
from shared.messaging.publisher import MAX_BODY_BYTES, Publisher
from shared.messaging.retry_policy import MAX_DELIVERY_ATTEMPTS
from shared.platform.background import keep_running, log_failure
from shared.platform.outages import is_outage

MAX_CONCURRENT_PUBLISHES = 64
"""Of one instance."""
PUBLISH_RETRY_DELAY_S = 0.5
"""Doubled after each attempt that failed though NATS was reachable."""
QUEUE_IDLE_TIMEOUT_S = 60.0
"""After it the queue and task of an instance are removed."""
UNPUBLISHED = Gauge("switchboard_session_unpublished", "Events of this node that JetStream has not stored yet")

QueuedEvent = JournaledEvent | Message
log = logging.getLogger(__name__)


class OrderedEventPublisher:
    """One queue and task per instance; the queues stay short, because journaled events wait on the worker's disk.

    `on_confirmed(instance_id, sequence)`: JetStream has stored the journaled events up to `sequence`.
    """

    def __init__(self, publisher: Publisher, on_confirmed: Callable[[str, int], None]) -> None:
        self._publisher = publisher
        self._on_confirmed = on_confirmed
        self._queues: dict[str, asyncio.Queue[QueuedEvent]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._batches: dict[str, list[QueuedEvent]] = {}
        """Taken from the queue and not published yet: a task that is restarted after an error begins with them."""

    def enqueue(self, instance_id: str, event: QueuedEvent) -> None:
        """Publish it after the earlier ones."""
        if instance_id not in self._queues:
            self._queues[instance_id] = asyncio.Queue()
            work = partial(self._run, instance_id, self._queues[instance_id])
            self._tasks[instance_id] = keep_running("event publisher of an instance", work, endless=False)
        self._queues[instance_id].put_nowait(event)
        UNPUBLISHED.inc()

    async def drain(self, timeout_s: float) -> None:
        """Wait until all is published, at most `timeout_s`; then stop."""
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*(queue.join() for queue in self._queues.values()))
        except TimeoutError:
            log.warning("not all events were published in time; journaled ones are published after the next start")
        for task in list(self._tasks.values()):
            task.cancel()

    async def _run(self, instance_id: str, queue: asyncio.Queue[QueuedEvent]) -> None:
        """Until the queue was idle for a while."""
        while batch := await self._next_batch(instance_id, queue):
            journaled = [event for event in batch if isinstance(event, JournaledEvent)]
            await asyncio.gather(*(self._publish(event) for event in journaled))
            if journaled:
                self._on_confirmed(instance_id, max(event.sequence for event in journaled))
            for event in batch:  # status events one after another: the last status must be published last
                if isinstance(event, Message):
                    await self._publish(event)
            for _ in batch:
                queue.task_done()
            UNPUBLISHED.dec(len(batch))
            batch.clear()
        del self._batches[instance_id], self._queues[instance_id], self._tasks[instance_id]

    async def _next_batch(self, instance_id: str, queue: asyncio.Queue[QueuedEvent]) -> list[QueuedEvent]:
        batch = self._batches.setdefault(instance_id, [])
        if not batch and (first := await _get(queue)) is not None:
            batch.append(first)
            while len(batch) < MAX_CONCURRENT_PUBLISHES and not queue.empty():
                batch.append(queue.get_nowait())
        return batch

    async def _publish(self, event: QueuedEvent) -> None:
        """Retried while NATS is unreachable. What NATS refuses MAX_DELIVERY_ATTEMPTS times goes to the dead letters."""
        attempts = 0
        while True:  # not `retry_during_outage`: other errors are retried as well, a few times
            try:
                await (self._publish_once(event) if attempts < MAX_DELIVERY_ATTEMPTS else self._give_up(event))
                return
            except Exception as error:
                if is_outage(error):
                    log.warning("not published yet: %s", error)
                elif attempts < MAX_DELIVERY_ATTEMPTS:
                    attempts += 1
                    log_failure("publish of an event", error)
                else:
                    raise
                await asyncio.sleep(PUBLISH_RETRY_DELAY_S * 2**attempts)

    async def _publish_once(self, event: QueuedEvent) -> None:
        if isinstance(event, Message):
            await self._publisher(event)
            return
        if event.error is not None:
            await self._dead_letter(event.subject, base64.b64decode(event.body), event.error)
            return
        body = event.body.encode()
        if len(body) > MAX_BODY_BYTES:
            await self._dead_letter(event.subject, body, f"{len(body)} bytes are more than the stream takes")
            return
        try:
            parsed = parse_event(event.subject, body)
        except ValidationError as problem:
            await self._dead_letter(event.subject, body, f"an unreadable journal entry: {problem}")
            return
        if parsed is None:
            await self._dead_letter(event.subject, body, "an unknown kind of event")
            return
        await self._publisher(parsed)

    async def _give_up(self, event: QueuedEvent) -> None:
        subject = event.full_subject if isinstance(event, Message) else event.subject
        body = event.model_dump_json() if isinstance(event, Message) else event.body
        reason = f"it could not be published {MAX_DELIVERY_ATTEMPTS} times"
        await self._dead_letter(subject, body.encode(), reason, MAX_DELIVERY_ATTEMPTS)

    async def _dead_letter(self, subject: str, body: bytes, reason: str, attempts: int = 1) -> None:
        log.error("%s: to the dead letters (%s)", subject, reason[:200])
        await self._publisher.dead_letter(subject, body, reason, attempts)


async def _get(queue: asyncio.Queue[QueuedEvent]) -> QueuedEvent | None:
    """None when the queue was empty for QUEUE_IDLE_TIMEOUT_S."""
    try:
        async with asyncio.timeout(QUEUE_IDLE_TIMEOUT_S):
            return await queue.get()
    except TimeoutError:
        return None if queue.empty() else queue.get_nowait()
