"""Rejects messages and commands that name an instance of another organization, whoever publishes them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.router.context import RouterContext
from shared.contracts.errors import Problem, Reject
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Command, EphemeralEvent, Message
from shared.messaging.command_client import refusal, too_many_pending_commands

M = TypeVar("M", bound=Message)
Handle = Callable[[M, RouterContext], Awaitable[None]]


async def is_foreign(message: Message | EphemeralEvent, context: RouterContext) -> bool:
    """The instance belongs to another organization than the one the message names."""
    if message.instance_id == NO_INSTANCE:
        return False
    return await context.store.instances.is_foreign(message.organization_id, message.instance_id)


def foreign_instance_error(message: Message) -> Reject:
    """It says no more, because the dead letters are shown to the organization that the event names."""
    return Reject(f"the organization has no instance {message.instance_id}")


def own_instances_only(handle: Handle[M]) -> Handle[M]:
    """The handler, called only for instances of the message's own organization. A command for another one is rejected
    like a command for an instance that does not exist; an event goes to the dead letters."""

    async def checked(message: M, context: RouterContext) -> None:
        if not await is_foreign(message, context):
            await handle(message, context)
        elif isinstance(message, Command):
            detail = "there is no such instance in this organization"
            await context.publish(refusal(message, Problem(404, "instance_not_found", detail)))
        else:
            raise foreign_instance_error(message)

    return checked


async def reject_over_share(command: Command, context: RouterContext) -> None:
    """For a command of an organization that has its share of such commands waiting."""
    await context.publish(refusal(command, too_many_pending_commands()))
