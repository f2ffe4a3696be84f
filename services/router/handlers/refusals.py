"""A command that cannot be carried out is answered, not retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.context import Context
from shared.errors import Problem
from shared.events import CommandRefused
from shared.ids import derived_id
from shared.message import Command


@asynccontextmanager
async def refusing(command: Command, context: Context) -> AsyncIterator[None]:
    """A Problem raised inside becomes the CommandRefused that names the command."""
    try:
        yield
    except Problem as problem:
        await context.publish(
            CommandRefused(
                id=derived_id(command.id, "refused"),
                organization_id=command.organization_id,
                instance_id=command.instance_id,
                cause=command.id,
                status=problem.status,
                code=problem.code,
                detail=problem.detail,
            )
        )
