"""Questions other services ask of a node (`wa.query.*`): answered by the one that holds the instance, the others are
silent."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.session.supervisor.number_lookup import Numbers
from shared.contracts.errors import Problem, Reject
from shared.contracts.queries import ResolveNumber
from shared.messaging.reply_subjects import may_answer
from shared.platform.background import note_failure, run_once

log = logging.getLogger(__name__)
MOST = 100
"""Questions under way, of which an organization may have half (shared/messaging/fair_shares.py), and an instance
MOST_OF_ONE; those beyond are answered with 503 at once."""
MOST_OF_ONE = 16


@asynccontextmanager
async def answering(client: Client, numbers: Numbers) -> AsyncIterator[None]:
    """As long as the context lasts."""
    tasks: dict[asyncio.Task[None], tuple[str, ...]] = {}

    async def receive(message: Msg) -> None:
        if not may_answer(message):
            return
        asker = tuple(message.subject.split(".")[4:6])
        work = _respond(numbers, message, busy=_is_busy(asker, tasks.values()))
        task = run_once("question about a number", work)
        tasks[task] = asker
        task.add_done_callback(lambda done: tasks.pop(done, None))

    subscription = await client.subscribe(ResolveNumber.subject_filter(), cb=receive)
    try:
        yield
    finally:
        if client.is_connected:
            await subscription.unsubscribe()
        for task in list(tasks):
            task.cancel()


def _is_busy(asker: tuple[str, ...], under_way: Collection[tuple[str, ...]]) -> bool:
    """Organization and instance have as many questions under way as they may."""
    of_organization = sum(other[0] == asker[0] for other in under_way)
    of_instance = sum(other == asker for other in under_way)
    return of_instance >= MOST_OF_ONE or of_organization >= MOST - len(under_way)


async def _respond(numbers: Numbers, message: Msg, *, busy: bool) -> None:
    try:
        query = ResolveNumber.from_nats(message.subject, message.data)
        if not numbers.holds(query.organization_id, query.instance_id):
            return
        if busy:
            raise Problem(503, "busy", "too many questions are waiting for WhatsApp; try again in a moment")
        answer = {"success": True, "data": (await numbers.resolve(query)).model_dump()}
    except Problem as problem:
        answer = {"success": False, "status": problem.status, "code": problem.code, "detail": problem.detail}
    except (ValidationError, Reject) as error:
        answer = {"success": False, "status": 422, "code": "validation_failed", "detail": str(error)[:500]}
    except Exception as error:
        note_failure("question about a number", error)
        detail = "something went wrong here; the log has the reason"
        answer = {"success": False, "status": 500, "code": "internal_error", "detail": detail}
    try:
        await message.respond(json.dumps(answer).encode())
    except NatsError as error:
        log.warning("an answer to %s is lost: %s", message.subject, type(error).__name__)
