"""Events that answer commands: one subscription per organization and event class in a process, shared by all waiters.

Each event is parsed once and put into the streams of those whose command or message it concerns (docs/decisions/0029).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from prometheus_client import Counter
from pydantic import ValidationError

from shared.contracts.commands import ConnectInstance
from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused
from shared.contracts.message import Command, Event
from shared.contracts.registry import parse_event
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, NatsMessage, Subscription
from shared.platform.background import run_once, start_awaited

LINGER_S = 10.0
"""After the last waiter of an organization. Until then its events still come to this process; none is parsed."""
MAX_QUEUED_EVENTS = 1_000
"""Of one waiter; the oldest event is dropped beyond that."""

PARSED = Counter("switchboard_reply_events_parsed", "Events parsed for waiters of command replies")
log = logging.getLogger(__name__)

Key = tuple[str, str]
"""`("cause", command id)`, `("message", message id)` or `("instance", instance id)`."""


def correlation_keys(command: Command) -> frozenset[Key]:
    """An event with one of these keys may answer the command.

    Connecting an instance is correlated by the instance as well: a pairing code is shown to everybody who requested one
    and has the id of the last command only.
    """
    keys: list[Key] = [("cause", command.id)]
    if message_id := getattr(command, "message_id", None):
        keys.append(("message", message_id))
    if isinstance(command, ConnectInstance):
        keys.append(("instance", command.instance_id))
    return frozenset(keys)


def _event_keys(event: Event) -> Iterable[Key]:
    if event.cause:
        yield "cause", event.cause
    if message_id := getattr(event, "message_id", None):
        yield "message", message_id
    if message := getattr(event, "message", None):
        yield "message", message.id
    yield "instance", event.instance_id


class ReplyStream:
    """The events for one waiter since its subscription began, in order. `keys` None: all events of the organization."""

    def __init__(self, keys: frozenset[Key] | None = None) -> None:
        self.keys = keys
        self._events: asyncio.Queue[Event] = asyncio.Queue(MAX_QUEUED_EVENTS)

    def put(self, event: Event) -> None:
        """Queue an event; the oldest one is dropped when the queue is full."""
        if self._events.full():
            log.warning("a reply event is dropped: too many are queued for one waiter", extra={"cause": event.cause})
            self._events.get_nowait()
        self._events.put_nowait(event)

    async def first(self, match: Callable[[Event], bool], command: Command, timeout_s: float) -> Event | None:
        """The first matching event within `timeout_s`, else None. Raises Problem when the command is refused."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    event = await self._events.get()
                    if isinstance(event, CommandRefused) and event.cause == command.id:
                        raise Problem(event.status, event.code, event.detail, **event.extra)
                    if match(event):
                        return event
        except TimeoutError:
            return None


@dataclass
class _SharedSubscription:
    """One NATS subscription, and the streams it feeds by their keys."""

    subscribed: asyncio.Future[Subscription]
    unfiltered: dict[int, ReplyStream] = field(default_factory=dict)
    by_key: dict[Key, dict[int, ReplyStream]] = field(default_factory=dict)
    stream_count: int = 0
    uses: int = 0
    """Streams since it was subscribed."""
    linger: asyncio.TimerHandle | None = None
    """Ends it when it is unused for some time."""

    @property
    def is_failed(self) -> bool:
        done = self.subscribed.done() and not self.subscribed.cancelled()
        return self.subscribed.cancelled() or (done and self.subscribed.exception() is not None)

    def add(self, stream: ReplyStream) -> None:
        self.stream_count += 1
        self.uses += 1
        for index in self._indexes(stream):
            index[id(stream)] = stream

    def remove(self, stream: ReplyStream) -> None:
        self.stream_count -= 1
        for index in self._indexes(stream):
            index.pop(id(stream), None)
        for key in stream.keys or ():
            if not self.by_key[key]:
                del self.by_key[key]

    def _indexes(self, stream: ReplyStream) -> list[dict[int, ReplyStream]]:
        if stream.keys is None:
            return [self.unfiltered]
        return [self.by_key.setdefault(key, {}) for key in stream.keys]

    def dispatch(self, event: Event) -> None:
        self._follow_repeated_command(event)
        streams = dict(self.unfiltered)
        for key in _event_keys(event):
            streams |= self.by_key.get(key, {})
        for stream in streams.values():
            stream.put(event)

    def _follow_repeated_command(self, event: Event) -> None:
        """A command that repeats an earlier one is answered with the earlier message: later events of that message
        concern its waiter as well."""
        message_id = getattr(event, "message_id", None)
        if message_id and event.cause:
            for stream in list(self.by_key.get(("cause", event.cause), {}).values()):
                stream.keys = (stream.keys or frozenset()) | {("message", message_id)}
                self.by_key.setdefault(("message", message_id), {})[id(stream)] = stream


class ReplySubscriptions:
    """The shared subscriptions of a process by subject. Each exists while a stream uses it, and `linger_s` seconds
    longer: subscribing costs a round trip before the command may be published."""

    def __init__(self, client: NatsClient, linger_s: float = LINGER_S) -> None:
        self._client = client
        self._linger_s = linger_s
        self._by_subject: dict[str, _SharedSubscription] = {}

    @asynccontextmanager
    async def receiving(
        self, organization_id: str, classes: Iterable[type[Event]], stream: ReplyStream
    ) -> AsyncIterator[None]:
        """Inside this block `stream` gets the events that concern it. Raises NATS errors before the block begins."""
        subjects = dict.fromkeys(cls.subject_filter(organization_id) for cls in classes)
        used: dict[str, _SharedSubscription] = {}
        try:
            for subject in subjects:
                used[subject] = self._by_subject.get(subject) or self._subscribe_shared(subject)
                used[subject].add(stream)
            for shared in used.values():
                await asyncio.shield(shared.subscribed)
            yield
        finally:
            for shared in used.values():  # all of them before the first await, which may be cancelled
                shared.remove(stream)
            for subject, shared in used.items():
                if shared.is_failed:
                    self._forget(subject, shared)
                elif not shared.stream_count and shared.linger is None:
                    self._linger(subject, shared)

    def _subscribe_shared(self, subject: str) -> _SharedSubscription:
        shared = self._by_subject[subject] = _SharedSubscription(asyncio.get_running_loop().create_future())
        shared.subscribed = start_awaited("reply subscription", self._subscribe(subject, shared))
        return shared

    async def _subscribe(self, subject: str, shared: _SharedSubscription) -> Subscription:
        async def receive(raw: NatsMessage) -> None:
            if shared.stream_count:
                _dispatch(shared, raw)

        subscription = await self._client.subscribe(subject, cb=receive)
        try:
            await self._client.flush()
        except BaseException:
            await _unsubscribe(subscription)
            raise
        return subscription

    def _linger(self, subject: str, shared: _SharedSubscription) -> None:
        """End the subscription when no stream uses it for `linger_s` seconds; a stream that is added within this
        time starts it anew."""
        loop, uses = asyncio.get_running_loop(), shared.uses

        def check() -> None:
            shared.linger = None
            if shared.stream_count:
                return
            if shared.uses != uses:
                self._linger(subject, shared)
                return
            self._forget(subject, shared)
            run_once("end of a reply subscription", _end(shared))

        shared.linger = loop.call_later(self._linger_s, check)

    def _forget(self, subject: str, shared: _SharedSubscription) -> None:
        if self._by_subject.get(subject) is shared:
            del self._by_subject[subject]


async def _end(shared: _SharedSubscription) -> None:
    with suppress(*NATS_OUTAGE_ERRORS):  # it was never subscribed
        await _unsubscribe(await shared.subscribed)


async def _unsubscribe(subscription: Subscription) -> None:
    """Also while NATS is unreachable: the client would subscribe again after it reconnected."""
    with suppress(*NATS_OUTAGE_ERRORS):  # the connection is closed
        await subscription.unsubscribe()


def _dispatch(shared: _SharedSubscription, raw: NatsMessage) -> None:
    PARSED.inc()
    try:
        event = parse_event(raw.subject, raw.data)
    except ValidationError:
        log.warning("unreadable event on %s", raw.subject)
        return
    if event is not None:
        shared.dispatch(event)
