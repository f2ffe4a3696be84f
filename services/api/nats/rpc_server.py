"""Answer what is asked on NATS: questions (`wa.query.*`) with what the REST reads show, requests like REST writes."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import BaseModel, ValidationError

from services.api.context import ApiContext
from services.api.json_input import parse_json
from services.api.problems import problem_body
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import Message, Query
from shared.contracts.request_id import HEADER, bound_request_id
from shared.messaging.fair_shares import FairSemaphore
from shared.messaging.reply_subjects import may_answer
from shared.platform.background import finish_tasks, run_once
from shared.platform.mongo import TRANSIENT_ERRORS

Q = TypeVar("Q", bound=Query)
M = TypeVar("M", bound=Message)

AT_ONCE, MAX_UNDER_WAY = 64, 1_000
"""Questions one process works on at once, and as many more of those that wait for something; and all it has taken. Both
are shared fairly (shared/messaging/fair_shares.py): one organization gets half."""
FINISH_TIMEOUT_S = 5.0
"""For the questions under way when the service stops."""
_EVERY_INSTANCE = "-"
_BUSY = "too many questions of this organization are waiting for an answer; try again in a moment"
_OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, TimeoutError, OSError)

log = logging.getLogger(__name__)


class Served(Protocol):
    """One kind of message that is asked, and what answers it.

    `waits`: the answer may take long, so such questions keep no others from being worked on.
    """

    @property
    def question(self) -> type[Message]: ...

    @property
    def waits(self) -> bool: ...

    async def body(self, address: str, data: bytes) -> bytes:
        """The answer's JSON. Raises Problem."""
        ...


@dataclass(frozen=True)
class Answerer(Generic[Q]):
    """`answer` gives what the function of the REST route, `view`, returns for this question, or raises Problem."""

    question: type[Q]
    view: Callable[..., Awaitable[BaseModel]]
    answer: Callable[[ApiContext, Q], Awaitable[BaseModel]]
    waits: bool = False

    @property
    def shape(self) -> Any:
        """The class of the answer."""
        return get_type_hints(self.view)["return"]


@dataclass(frozen=True)
class Answering(Generic[Q]):
    """An Answerer at work."""

    context: ApiContext
    answerer: Answerer[Q]

    @property
    def question(self) -> type[Q]:
        return self.answerer.question

    @property
    def waits(self) -> bool:
        return self.answerer.waits

    async def body(self, address: str, data: bytes) -> bytes:
        answer = await self.answerer.answer(self.context, read_question(self.question, address, data))
        return answer.model_dump_json(by_alias=True).encode()


@asynccontextmanager
async def serving(client: Client, all_served: Sequence[Served]) -> AsyncIterator[None]:
    """Answer as long as the context lasts; replicas share the questions."""
    turns = {waits: FairSemaphore(AT_ONCE, AT_ONCE) for waits in (False, True)}
    numbers = count()
    tasks, askers = set[asyncio.Task[None]](), Counter[str]()

    async def answer(served: Served, message: Msg, asker: str) -> None:
        async with turns[served.waits].turn(asker, _EVERY_INSTANCE, next(numbers)):
            await _respond(client, served, message)

    def finish(task: asyncio.Task[None], asker: str) -> None:
        tasks.discard(task)
        askers[asker] -= 1
        if not askers[asker]:
            del askers[asker]

    def receiver(served: Served) -> Callable[[Msg], Awaitable[None]]:
        async def receive(message: Msg) -> None:
            if not may_answer(message):
                return
            asker = message.subject.split(".")[4]
            if askers.get(asker, 0) >= MAX_UNDER_WAY - len(tasks):
                with suppress(NatsError):
                    await message.respond(_refusal(Problem(503, "busy", _BUSY)))
                return
            task = run_once("question", answer(served, message, asker))
            tasks.add(task)
            askers[asker] += 1
            task.add_done_callback(lambda done: finish(done, asker))

        return receive

    subscriptions = [
        await client.subscribe(served.question.subject_filter(), queue="api", cb=receiver(served))
        for served in all_served
    ]
    try:
        yield
    finally:
        for subscription in subscriptions:
            if client.is_connected:
                await subscription.unsubscribe()
        await finish_tasks(tasks, FINISH_TIMEOUT_S)


async def _respond(client: Client, served: Served, message: Msg) -> None:
    with bound_request_id((message.headers or {}).get(HEADER)):
        body = await _body(served, message)
    if len(body) > client.max_payload:
        detail = (
            f"the answer has {len(body)} bytes, a NATS message at most {client.max_payload}; ask for fewer: `limit`"
        )
        body = _refusal(Problem(413, "answer_too_large", detail))
    try:
        await message.respond(body)
    except NatsError as error:
        log.warning("an answer to %s is lost: %s", message.subject, type(error).__name__)


async def _body(served: Served, message: Msg) -> bytes:
    try:
        return await served.body(message.subject, message.data)
    except Problem as problem:
        return _refusal(problem)
    except _OUTAGES as error:
        log.warning("a part is away: %s", type(error).__name__)
        return _refusal(Problem(503, "unavailable", "the database is not reachable; try again in a moment"))
    except Exception as error:
        log.error("a question on %s failed", message.subject, exc_info=error)
        return _refusal(Problem(500, "internal_error", "something went wrong here; the log has the reason"))


def read_question(question: type[M], address: str, data: bytes) -> M:
    """Organization and instance come from the subject, which NATS permissions guard. Raises Problem 422, 403."""
    organization_id, instance_id = address.split(".")[4:]
    try:
        fields = parse_json(data or b"{}", "the question")
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


def _refusal(problem: Problem) -> bytes:
    return json.dumps(problem_body(problem, new_id())).encode()
