"""Issue a command and wait for the event that answers it: how REST and sockets turn messages into answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from shared.delivery import Publisher
from shared.errors import Problem
from shared.events import CommandRefused
from shared.ids import derived_id
from shared.message import Command, Event
from shared.topology import parse_event

log = logging.getLogger(__name__)


def refusal(command: Command, problem: Problem) -> CommandRefused:
    """The event that tells whoever issued a command why it is not carried out; the same again on redelivery."""
    return CommandRefused(
        id=derived_id(command.id, "refused"),
        organization_id=command.organization_id,
        instance_id=command.instance_id,
        cause=command.id,
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        extra=problem.extra,
    )


class Answers:
    """The events seen since the subscription began, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()

    async def receive(self, message: Msg) -> None:
        try:
            event = parse_event(message.subject, message.data)
        except ValidationError:
            log.warning("unreadable event on %s", message.subject)
            return
        if event is not None:
            self._queue.put_nowait(event)

    async def first(self, match: Callable[[Event], bool], command: Command, timeout: float) -> Event | None:
        """The first match within `timeout` seconds, else None. Raises Problem when the command is refused."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    event = await self._queue.get()
                    if isinstance(event, CommandRefused) and event.cause == command.id:
                        raise Problem(event.status, event.code, event.detail, **event.extra)
                    if match(event):
                        return event
        except TimeoutError:
            return None


class Dispatcher:
    """Publishes commands and hears their answers on the organization's own subjects."""

    def __init__(self, client: Client, publish: Publisher) -> None:
        self._client, self._publish = client, publish

    async def publish(self, command: Command) -> None:
        """Store the command in its stream. Raises Problem 503 when NATS is away."""
        try:
            await self._publish(command)
        except (NatsError, TimeoutError, OSError) as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error

    @asynccontextmanager
    async def listening(self, organization_id: str, *events: type[Event]) -> AsyncIterator[Answers]:
        """Subscribe to these classes (and refusals) of one organization before something is issued."""
        answers = Answers()
        heard: tuple[type[Event], ...] = (*events, CommandRefused)
        subscriptions = [
            await self._client.subscribe(cls.pattern(organization_id), cb=answers.receive) for cls in heard
        ]
        try:
            await self._client.flush()
            yield answers
        except NatsError as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error
        finally:
            for subscription in subscriptions:
                if self._client.is_connected:
                    await subscription.unsubscribe()

    async def issue(self, command: Command, *until: type[Event], timeout: float) -> Event | None:
        """Publish and wait for the first of these events that this command caused; None after `timeout` seconds."""
        async with self.listening(command.organization_id, *until) as answers:
            await self.publish(command)
            return await answers.first(
                lambda event: event.cause == command.id and isinstance(event, until), command, timeout
            )
