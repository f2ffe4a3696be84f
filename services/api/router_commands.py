"""Commands to the router whose outcome a REST caller waits for."""

from typing import TypeVar

from services.api.context import ApiContext
from shared.contracts.errors import Problem
from shared.contracts.message import Command, Event

ROUTER_TIMEOUT_S = 10.0

E = TypeVar("E", bound=Event)


async def execute_on_router(context: ApiContext, command: Command, outcome: type[E], pending: str) -> E:
    """Publish the command and wait for the event `outcome` that it causes.

    Raises the Problem of a refusal; 504 `no_answer_yet` with the detail `pending` after ROUTER_TIMEOUT_S: the command
    is stored and may still be carried out.
    """
    event = await context.command_client.execute(command, outcome, timeout=ROUTER_TIMEOUT_S)
    if not isinstance(event, outcome):
        raise Problem(504, "no_answer_yet", pending)
    return event
