"""What leaves the node: journal entries and state events, in order per account, until the stream has them."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from prometheus_client import Gauge
from pydantic import ValidationError

from services.session.ipc.messages import JournaledEvent
from shared.contracts.message import Message
from shared.contracts.registry import parse_event
from shared.messaging.publisher import MAX_BODY_BYTES, Publisher
from shared.messaging.retry_policy import MAX_DELIVERY_ATTEMPTS
from shared.platform.background import keep_running, note_failure
from shared.platform.outages import is_outage

AT_ONCE = 64
"""Publishes of one account under way together."""
PAUSE = 0.5
"""Seconds before what could not be published is tried again; twice as long after each attempt that found NATS there."""
IDLE_S = 60.0
"""Seconds after which the queue of an account is taken away."""
WAITING = Gauge("switchboard_session_unpublished", "Events of this node that the stream does not have yet")

Item = JournaledEvent | Message
log = logging.getLogger(__name__)


class Outlet:
    """One queue and task per account. Entries wait on disk in the worker, so the queues stay short."""

    def __init__(self, publisher: Publisher, published: Callable[[str, int], None]) -> None:
        self._publisher, self._published = publisher, published
        self._queues: dict[str, asyncio.Queue[Item]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._in_hand: dict[str, list[Item]] = {}
        """Taken from the queue and not published yet: a task that starts again after an error begins with them."""

    def put(self, instance_id: str, item: Item) -> None:
        """Publish it, after what came before."""
        if instance_id not in self._queues:
            self._queues[instance_id] = asyncio.Queue()
            work = partial(self._run, instance_id, self._queues[instance_id])
            self._tasks[instance_id] = keep_running("outlet of an account", work, endless=False)
        self._queues[instance_id].put_nowait(item)
        WAITING.inc()

    async def drain(self, timeout: float) -> None:
        """Wait until all is published, at most `timeout` seconds; then stop."""
        try:
            async with asyncio.timeout(timeout):
                await asyncio.gather(*(queue.join() for queue in self._queues.values()))
        except TimeoutError:
            log.warning("the stream did not take everything in time; what is journalled follows at the next start")
        for task in list(self._tasks.values()):
            task.cancel()

    async def _run(self, instance_id: str, queue: asyncio.Queue[Item]) -> None:
        """Ends when nothing came for a while: an account that is gone leaves nothing behind."""
        while items := await self._next(instance_id, queue):
            entries = [item for item in items if isinstance(item, JournaledEvent)]
            await asyncio.gather(*(self._until_published(entry) for entry in entries))
            if entries:
                self._published(instance_id, max(entry.sequence for entry in entries))
            for message in items:  # states one after another: the last one has to be the last one published
                if isinstance(message, Message):
                    await self._until_published(message)
            for _ in items:
                queue.task_done()
            WAITING.dec(len(items))
            items.clear()
        del self._in_hand[instance_id], self._queues[instance_id], self._tasks[instance_id]

    async def _next(self, instance_id: str, queue: asyncio.Queue[Item]) -> list[Item]:
        items = self._in_hand.setdefault(instance_id, [])
        if not items and (first := await _first(queue)) is not None:
            items.append(first)
            while len(items) < AT_ONCE and not queue.empty():
                items.append(queue.get_nowait())
        return items

    async def _until_published(self, item: Item) -> None:
        """What cannot be published though NATS is there ends in the dead letters."""
        attempts = 0
        while True:
            try:
                await (self._how(item) if attempts < MAX_DELIVERY_ATTEMPTS else self._given_up(item))()
                return
            except Exception as error:
                if is_outage(error):
                    log.warning("not published yet: %s", error)
                elif attempts < MAX_DELIVERY_ATTEMPTS:
                    attempts += 1
                    note_failure("publish of an event", error)
                else:
                    raise
                await asyncio.sleep(PAUSE * 2**attempts)

    def _given_up(self, item: Item) -> Callable[[], Awaitable[None]]:
        address = item.full_subject if isinstance(item, Message) else item.subject
        body = item.model_dump_json() if isinstance(item, Message) else item.body
        return self._dead(
            address, body.encode(), f"it could not be published {MAX_DELIVERY_ATTEMPTS} times", MAX_DELIVERY_ATTEMPTS
        )

    def _how(self, item: Item) -> Callable[[], Awaitable[None]]:
        if isinstance(item, Message):
            return lambda: self._publisher(item)
        if item.error is not None:
            return self._dead(item.subject, base64.b64decode(item.body), item.error)
        body = item.body.encode()
        if len(body) > MAX_BODY_BYTES:
            return self._dead(item.subject, body, f"{len(body)} bytes are more than the stream takes")
        try:
            event = parse_event(item.subject, body)
        except ValidationError as problem:
            return self._dead(item.subject, body, f"an unreadable journal entry: {problem}")
        if event is None:
            return self._dead(item.subject, body, "an unknown kind of event")
        return lambda: self._publisher(event)

    def _dead(self, address: str, body: bytes, reason: str, attempts: int = 1) -> Callable[[], Awaitable[None]]:
        log.error("%s: to the dead letters (%s)", address, reason[:200])
        return lambda: self._publisher.dead_letter(address, body, reason, attempts)


async def _first(queue: asyncio.Queue[Item]) -> Item | None:
    """None when nothing came for IDLE_S and nothing is there."""
    try:
        async with asyncio.timeout(IDLE_S):
            return await queue.get()
    except TimeoutError:
        return None if queue.empty() else queue.get_nowait()
