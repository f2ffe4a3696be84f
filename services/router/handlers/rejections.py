"""A command that cannot be carried out is rejected with an event and not retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.context import RouterContext
from shared.contracts.errors import Problem
from shared.contracts.message import Command
from shared.messaging.command_client import refusal


@asynccontextmanager
async def rejecting_with_event(command: Command, context: RouterContext) -> AsyncIterator[None]:
    """A Problem that is raised inside is published as CommandRefused of the command."""
    try:
        yield
    except Problem as problem:
        await context.publish(refusal(command, problem))
