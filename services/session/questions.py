"""Questions other services ask of a node (`wa.query.*`): answered by the one that holds the instance, the others are
silent."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.session.supervisor.numbers import Numbers
from shared.errors import Problem, Reject
from shared.queries import ResolveNumber

log = logging.getLogger(__name__)
MOST = 100
"""Questions under way; those beyond are answered with 503 at once."""


@asynccontextmanager
async def answering(client: Client, numbers: Numbers) -> AsyncIterator[None]:
    """As long as the context lasts."""
    tasks = set[asyncio.Task[None]]()

    async def receive(message: Msg) -> None:
        task = asyncio.create_task(_respond(numbers, message, busy=len(tasks) >= MOST))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    subscription = await client.subscribe(ResolveNumber.pattern(), cb=receive)
    try:
        yield
    finally:
        if client.is_connected:
            await subscription.unsubscribe()
        for task in tasks:
            task.cancel()


async def _respond(numbers: Numbers, message: Msg, *, busy: bool) -> None:
    try:
        query = ResolveNumber.received(message.subject, message.data)
        if not numbers.holds(query.organization_id, query.instance_id):
            return
        if busy:
            raise Problem(503, "busy", "too many questions are waiting for WhatsApp; try again in a moment")
        answer = {"success": True, "data": (await numbers.resolve(query)).model_dump()}
    except Problem as problem:
        answer = {"success": False, "status": problem.status, "code": problem.code, "detail": problem.detail}
    except (ValidationError, Reject) as error:
        answer = {"success": False, "status": 422, "code": "validation_failed", "detail": str(error)[:500]}
    try:
        await message.respond(json.dumps(answer).encode())
    except NatsError as error:
        log.warning("an answer to %s is lost: %s", message.subject, type(error).__name__)
