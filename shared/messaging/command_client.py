"""Command client: publishes a command and waits for the event that answers it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused
from shared.contracts.ids import derived_id
from shared.contracts.message import Command, Event
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, NatsError
from shared.messaging.publisher import Publisher
from shared.messaging.reply_events import ReplyStream, ReplySubscriptions, correlation_keys


def refusal(command: Command, problem: Problem) -> CommandRefused:
    """The event that tells the issuer of a command why it is not carried out; with the same id on redelivery."""
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


def too_many_pending_commands() -> Problem:
    """For a command of an organization that has its whole share of pending commands (docs/decisions/0029)."""
    detail = "too many commands of this organization are waiting; try again in a minute"
    return Problem(429, "too_many_pending_commands", detail)


def _bus_unavailable() -> Problem:
    return Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment")


class CommandClient:
    """Publishes commands and receives their replies on the subjects of their organization."""

    def __init__(self, client: NatsClient, publish: Publisher) -> None:
        self._publish = publish
        self._subscriptions = ReplySubscriptions(client)

    async def publish(self, command: Command) -> None:
        """Store the command in its stream. Raises Problem 503 while NATS is unreachable."""
        try:
            await self._publish(command)
        except NATS_OUTAGE_ERRORS as error:
            raise _bus_unavailable() from error

    @asynccontextmanager
    async def replies(self, target: Command | str, *events: type[Event]) -> AsyncIterator[ReplyStream]:
        """Receive events of these classes, and refusals, inside this block; enter it before the command is published.

        `target`: the command whose replies are wanted, or the id of an organization for all of its events. Raises
        Problem 503 while NATS is unreachable.
        """
        organization_id = target.organization_id if isinstance(target, Command) else target
        stream = ReplyStream(correlation_keys(target) if isinstance(target, Command) else None)
        try:
            async with self._subscriptions.receiving(organization_id, (*events, CommandRefused), stream):
                yield stream
        except NatsError as error:
            raise _bus_unavailable() from error

    async def execute(self, command: Command, *until: type[Event], timeout: float) -> Event | None:
        """Publish the command and wait for the first of these events that it caused; None after `timeout` seconds.

        Raises Problem when the command is refused, and 503 while NATS is unreachable.
        """
        async with self.replies(command, *until) as stream:
            await self.publish(command)
            return await stream.first(
                lambda event: event.cause == command.id and isinstance(event, until), command, timeout
            )
