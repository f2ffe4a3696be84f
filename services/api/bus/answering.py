"""Answer questions (`wa.query.*`) on NATS with what the REST reads show."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_type_hints

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import BaseModel, ValidationError

from services.api.context import Context
from services.api.problems import problem_body
from shared.errors import Problem
from shared.ids import new_id
from shared.message import Query
from shared.mongo import TRANSIENT_ERRORS

Q = TypeVar("Q", bound=Query)

AT_ONCE = 32
"""Questions one process works on, and as many that wait for something; more stay in the connection's buffer."""
_OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, TimeoutError, OSError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answerer(Generic[Q]):
    """`answer` gives what the function of the REST route, `view`, returns for this question, or raises Problem.

    `waits`: the answer may take long, so such questions keep no others from being worked on.
    """

    question: type[Q]
    view: Callable[..., Awaitable[BaseModel]]
    answer: Callable[[Context, Q], Awaitable[BaseModel]]
    waits: bool = False

    @property
    def shape(self) -> Any:
        """The class of the answer."""
        return get_type_hints(self.view)["return"]


@asynccontextmanager
async def serving(client: Client, context: Context, answerers: Sequence[Answerer[Any]]) -> AsyncIterator[None]:
    """Answer as long as the context lasts; replicas share the questions."""
    gates = {waits: asyncio.Semaphore(AT_ONCE) for waits in (False, True)}
    tasks = set[asyncio.Task[None]]()

    def receiver(answerer: Answerer[Any]) -> Callable[[Msg], Awaitable[None]]:
        gate = gates[answerer.waits]

        async def receive(message: Msg) -> None:
            await gate.acquire()
            task = asyncio.create_task(_respond(client, context, answerer, message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: gate.release())

        return receive

    subscriptions = [
        await client.subscribe(answerer.question.pattern(), queue="api", cb=receiver(answerer))
        for answerer in answerers
    ]
    try:
        yield
    finally:
        for subscription in subscriptions:
            if client.is_connected:
                await subscription.unsubscribe()
        await asyncio.gather(*tasks)


async def _respond(client: Client, context: Context, answerer: Answerer[Any], message: Msg) -> None:
    if not message.reply:
        return
    body = await _body(context, answerer, message)
    if len(body) > client.max_payload:
        detail = (
            f"the answer has {len(body)} bytes, a NATS message at most {client.max_payload}; ask for fewer: `limit`"
        )
        body = _refusal(Problem(413, "answer_too_large", detail))
    try:
        await message.respond(body)
    except NatsError as error:
        log.warning("an answer to %s is lost: %s", message.subject, type(error).__name__)


async def _body(context: Context, answerer: Answerer[Any], message: Msg) -> bytes:
    try:
        answer = await answerer.answer(context, read_question(answerer.question, message.subject, message.data))
    except Problem as problem:
        return _refusal(problem)
    except _OUTAGES as error:
        log.warning("a part is away: %s", type(error).__name__)
        return _refusal(Problem(503, "unavailable", "the database is not reachable; try again in a moment"))
    except Exception as error:
        log.error("a question on %s failed", message.subject, exc_info=error)
        return _refusal(Problem(500, "internal_error", "something went wrong here; the log has the reason"))
    return answer.model_dump_json(by_alias=True).encode()


def read_question(question: type[Q], address: str, data: bytes) -> Q:
    """Organization and instance come from the subject, which NATS permissions guard. Raises Problem 422, 403."""
    organization_id, instance_id = address.split(".")[4:]
    try:
        fields = json.loads(data or b"{}")
        if not isinstance(fields, dict):
            raise Problem(422, "invalid_json", "the question must be a JSON object")
        named = fields.setdefault("organization_id", organization_id), fields.setdefault("instance_id", instance_id)
        if named != (organization_id, instance_id):
            detail = "organization_id and instance_id must be those of the subject; leave them out of the body"
            raise Problem(403, "organization_mismatch", detail)
        return question.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:20])
        raise Problem(422, "validation_failed", wrong) from error
    except ValueError as error:
        raise Problem(422, "invalid_json", "the question is not valid JSON in UTF-8") from error


def _refusal(problem: Problem) -> bytes:
    return json.dumps(problem_body(problem, new_id())).encode()
