"""A command that cannot be carried out is answered, not retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.context import Context
from shared.contracts.errors import Problem
from shared.contracts.message import Command
from shared.messaging.command_client import refusal


@asynccontextmanager
async def refusing(command: Command, context: Context) -> AsyncIterator[None]:
    """A Problem raised inside becomes the CommandRefused that names the command."""
    try:
        yield
    except Problem as problem:
        await context.publish(refusal(command, problem))
