"""Events that answer commands, heard once for all who wait: one subscription per organization and class in a process,
each event read once and handed to those whose command or message it is about (docs/decisions/0029)."""

import asyncio
import logging
from collections import deque
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
from shared.messaging.client import NatsClient, NatsError, NatsMessage, Subscription
from shared.platform.background import start_waited

MAX_QUEUED_EVENTS = 1_000
"""Events that wait to be looked at by one who waits; beyond that the oldest is dropped."""

PARSED = Counter("switchboard_answers_parsed", "Events read for those who wait for answers")
log = logging.getLogger(__name__)

Key = tuple[str, str]


def correlation_keys(command: Command) -> frozenset[Key]:
    """What an event has to be about to answer this command. A pairing code is shown to everybody who asked for one of
    the instance, and has the id of the last command only."""
    keys: list[Key] = [("cause", command.id)]
    if message_id := getattr(command, "message_id", None):
        keys.append(("message", message_id))
    if isinstance(command, ConnectInstance):
        keys.append(("instance", command.instance_id))
    return frozenset(keys)


def _keys_of_event(event: Event) -> Iterable[Key]:
    if event.cause:
        yield "cause", event.cause
    if message_id := getattr(event, "message_id", None):
        yield "message", message_id
    if message := getattr(event, "message", None):
        yield "message", message.id
    yield "instance", event.instance_id


class ReplyStream:
    """The events seen since the subscription began, in order; `keys` None: all of the organization."""

    def __init__(self, keys: frozenset[Key] | None = None) -> None:
        self.keys = keys
        self._events: deque[Event] = deque(maxlen=MAX_QUEUED_EVENTS)
        self._more = asyncio.Event()

    def put(self, event: Event) -> None:
        """Keep it until somebody looks; the oldest goes when there are too many."""
        if len(self._events) == MAX_QUEUED_EVENTS:
            log.warning("an event is dropped: too many wait for one command", extra={"cause": event.cause})
        self._events.append(event)
        self._more.set()

    async def first(self, match: Callable[[Event], bool], command: Command, timeout: float) -> Event | None:
        """The first match within `timeout` seconds, else None. Raises Problem when the command is refused."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    event = await self._next()
                    if isinstance(event, CommandRefused) and event.cause == command.id:
                        raise Problem(event.status, event.code, event.detail, **event.extra)
                    if match(event):
                        return event
        except TimeoutError:
            return None

    async def _next(self) -> Event:
        while not self._events:
            self._more.clear()
            await self._more.wait()
        return self._events.popleft()


@dataclass
class _ReplySubscription:
    """One subscription and those who listen to it, by what they listen for."""

    subscribed: asyncio.Future[Subscription]
    all: dict[int, ReplyStream] = field(default_factory=dict)
    by_key: dict[Key, dict[int, ReplyStream]] = field(default_factory=dict)
    listeners: int = 0

    def add(self, answers: ReplyStream) -> None:
        self.listeners += 1
        for places in self._places(answers):
            places[id(answers)] = answers

    def remove(self, answers: ReplyStream) -> None:
        self.listeners -= 1
        for places in self._places(answers):
            places.pop(id(answers), None)
        for key in answers.keys or ():
            if not self.by_key[key]:
                del self.by_key[key]

    def _places(self, answers: ReplyStream) -> list[dict[int, ReplyStream]]:
        if answers.keys is None:
            return [self.all]
        return [self.by_key.setdefault(key, {}) for key in answers.keys]

    def hear(self, event: Event) -> None:
        self._follow(event)
        concerned = dict(self.all)
        for key in _keys_of_event(event):
            concerned |= self.by_key.get(key, {})
        for answers in concerned.values():
            answers.put(event)

    def _follow(self, event: Event) -> None:
        """A command that repeats another is answered with the other's message: what becomes of that concerns it too."""
        message_id = getattr(event, "message_id", None)
        if message_id and event.cause:
            for answers in list(self.by_key.get(("cause", event.cause), {}).values()):
                answers.keys = (answers.keys or frozenset()) | {("message", message_id)}
                self.by_key.setdefault(("message", message_id), {})[id(answers)] = answers


class ReplySubscriptions:
    """The subscriptions of a process, by subject; each lives as long as somebody listens."""

    def __init__(self, client: NatsClient) -> None:
        self._client = client
        self._ears: dict[str, _ReplySubscription] = {}

    @asynccontextmanager
    async def listening(
        self, organization_id: str, classes: Iterable[type[Event]], answers: ReplyStream
    ) -> AsyncIterator[None]:
        """Inside this block `answers` gets what concerns it. Raises NATS's errors before it begins."""
        subjects = dict.fromkeys(cls.subject_filter(organization_id) for cls in classes)
        heard: dict[str, _ReplySubscription] = {}
        try:
            for subject in subjects:
                heard[subject] = self._ears.get(subject) or self._begin(subject)
                heard[subject].add(answers)
            for ear in heard.values():
                await asyncio.shield(ear.subscribed)
            yield
        finally:
            for ear in heard.values():  # all of them before anything is waited for: that may be cancelled
                ear.remove(answers)
            for subject, ear in heard.items():
                await self._end_if_unused(subject, ear)

    def _begin(self, subject: str) -> _ReplySubscription:
        ear = self._ears[subject] = _ReplySubscription(asyncio.get_running_loop().create_future())
        ear.subscribed = start_waited("ear", self._subscribe(subject, ear))
        return ear

    async def _subscribe(self, subject: str, ear: _ReplySubscription) -> Subscription:
        async def receive(message: NatsMessage) -> None:
            if ear.listeners:
                _hear(ear, message)

        subscription = await self._client.subscribe(subject, cb=receive)
        try:
            await self._client.flush()
        except BaseException:
            await _unsubscribe(subscription)
            raise
        return subscription

    async def _end_if_unused(self, subject: str, ear: _ReplySubscription) -> None:
        if ear.listeners:
            return
        if self._ears.get(subject) is ear:
            del self._ears[subject]
        with suppress(NatsError, OSError):  # there is none
            await _unsubscribe(await ear.subscribed)


async def _unsubscribe(subscription: Subscription) -> None:
    """Also while NATS is away: the client would subscribe again when it is back."""
    with suppress(NatsError, OSError):  # the connection is closed for good
        await subscription.unsubscribe()


def _hear(ear: _ReplySubscription, message: NatsMessage) -> None:
    PARSED.inc()
    try:
        event = parse_event(message.subject, message.data)
    except ValidationError:
        log.warning("unreadable event on %s", message.subject)
        return
    if event is not None:
        ear.hear(event)
