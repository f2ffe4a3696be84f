"""Issue a command and wait for the event that answers it: how REST and sockets turn messages into answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused
from shared.contracts.ids import derived_id
from shared.contracts.message import Command, Event
from shared.messaging.client import NatsClient, NatsError
from shared.messaging.publisher import Publisher
from shared.messaging.reply_events import ReplyStream, ReplySubscriptions, correlation_keys


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


def over_share() -> Problem:
    """For a command of an organization that has as many waiting as it may (docs/decisions/0029)."""
    detail = "too many commands of this organization are waiting; try again in a minute"
    return Problem(429, "too_many_pending_commands", detail)


class CommandClient:
    """Publishes commands and hears their answers on the organization's own subjects."""

    def __init__(self, client: NatsClient, publish: Publisher) -> None:
        self._client, self._publish = client, publish
        self._ears = ReplySubscriptions(client)

    async def publish(self, command: Command) -> None:
        """Store the command in its stream. Raises Problem 503 when NATS is away."""
        try:
            await self._publish(command)
        except (NatsError, TimeoutError, OSError) as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error

    @asynccontextmanager
    async def replies(self, about: Command | str, *events: type[Event]) -> AsyncIterator[ReplyStream]:
        """Hear these classes (and refusals) before something is issued: what a command causes or what concerns its
        message, or everything of an organization, given by its id."""
        organization_id = about.organization_id if isinstance(about, Command) else about
        answers = ReplyStream(correlation_keys(about) if isinstance(about, Command) else None)
        try:
            async with self._ears.listening(organization_id, (*events, CommandRefused), answers):
                yield answers
        except NatsError as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error

    async def execute(self, command: Command, *until: type[Event], timeout: float) -> Event | None:
        """Publish and wait for the first of these events that this command caused; None after `timeout` seconds."""
        async with self.replies(command, *until) as answers:
            await self.publish(command)
            return await answers.first(
                lambda event: event.cause == command.id and isinstance(event, until), command, timeout
            )
