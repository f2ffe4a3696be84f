"""A command that cannot be carried out is answered, not retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.context import Context
from shared.dispatch import refusal
from shared.errors import Problem
from shared.message import Command


@asynccontextmanager
async def refusing(command: Command, context: Context) -> AsyncIterator[None]:
    """A Problem raised inside becomes the CommandRefused that names the command."""
    try:
        yield
    except Problem as problem:
        await context.publish(refusal(command, problem))
