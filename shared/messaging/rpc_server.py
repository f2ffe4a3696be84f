"""Request/reply server: answers queries and requests on NATS, in fair shares between organizations."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from shared.contracts.errors import Problem, problem_body
from shared.contracts.ids import new_id
from shared.contracts.message import Message
from shared.contracts.request_id import HEADER, bound_request_id, current_request
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, NatsMessage
from shared.messaging.fair_shares import FairSemaphore
from shared.messaging.metrics import Result, observe_handling
from shared.messaging.reply_subjects import may_reply
from shared.platform.background import finish_tasks, run_once
from shared.platform.outages import OUTAGE_ERRORS
from shared.text.json_input import parse_json

M = TypeVar("M", bound=Message)
K = TypeVar("K")

FINISH_TIMEOUT_S = 5.0
"""For the pending requests when the service stops."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RpcLimits:
    """Of one process. concurrent: requests handled at once, and as many slow ones beside them; max_pending: requests it
    has accepted, waiting ones included; max_pending_per_instance: of those for one instance.

    Organizations share both fairly (fair_shares.py); a request beyond its share is answered with 503 `busy` at once.
    """

    concurrent: int = 64
    max_pending: int = 1_000
    max_pending_per_instance: int | None = None


class Endpoint(Protocol):
    """One class of queries or requests, and what answers it."""

    @property
    def message_class(self) -> type[Message]: ...

    @property
    def is_slow(self) -> bool:
        """It waits for WhatsApp or for another service, so it must not take the slots of the others."""
        ...

    def accepts(self, organization_id: str, instance_id: str) -> bool:
        """False: this process is not the one that answers, and stays silent."""
        ...

    async def respond(self, subject: str, body: bytes) -> bytes:
        """The JSON of the reply. Raises Problem."""
        ...


def every_instance(_organization_id: str, _instance_id: str) -> bool:
    """For an endpoint that any process of the service can answer."""
    return True


@dataclass(frozen=True)
class ModelEndpoint(Generic[M]):
    """An endpoint whose handler gets the parsed message and returns the model of the reply."""

    message_class: type[M]
    handle: Callable[[M], Awaitable[BaseModel]]
    is_slow: bool = False
    holds: Callable[[str, str], bool] = every_instance

    def accepts(self, organization_id: str, instance_id: str) -> bool:
        return self.holds(organization_id, instance_id)

    async def respond(self, subject: str, body: bytes) -> bytes:
        reply = await self.handle(parse_request(self.message_class, subject, body))
        return reply.model_dump_json(by_alias=True).encode()


@asynccontextmanager
async def rpc_server(
    client: NatsClient, endpoints: Sequence[Endpoint], *, queue: str = "", limits: RpcLimits | None = None
) -> AsyncIterator[None]:
    """Answer inside this block. Processes with the same `queue` share the requests; without one each gets all."""
    server = _RpcServer(client, limits or RpcLimits())
    subscriptions = [
        await client.subscribe(endpoint.message_class.subject_filter(), queue=queue, cb=server.receiver(endpoint))
        for endpoint in endpoints
    ]
    try:
        yield
    finally:
        for subscription in subscriptions:
            if client.is_connected:
                await subscription.unsubscribe()
        await finish_tasks(server.tasks, FINISH_TIMEOUT_S)


class _RpcServer:
    def __init__(self, client: NatsClient, limits: RpcLimits) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._client = client
        self._limits = limits
        self._slots = {is_slow: FairSemaphore(limits.concurrent, limits.concurrent) for is_slow in (False, True)}
        self._numbers = count()
        self._pending_of_organization = Counter[str]()
        self._pending_of_instance = Counter[tuple[str, str]]()

    def receiver(self, endpoint: Endpoint) -> Callable[[NatsMessage], Awaitable[None]]:
        async def receive(raw: NatsMessage) -> None:
            if not may_reply(raw):
                return
            organization_id, instance_id = raw.subject.split(".")[4:6]
            if not endpoint.accepts(organization_id, instance_id):
                return
            if self._is_over_share(organization_id, instance_id):
                detail = "too many requests of this organization are pending; try again in a moment"
                await self._reply(raw, _problem_reply(Problem(503, "busy", detail)))
                return
            task = run_once("rpc request", self._answer(endpoint, raw, organization_id, instance_id))
            self.tasks.add(task)
            self._pending_of_organization[organization_id] += 1
            self._pending_of_instance[organization_id, instance_id] += 1
            task.add_done_callback(lambda done: self._finished(done, organization_id, instance_id))

        return receive

    def _is_over_share(self, organization_id: str, instance_id: str) -> bool:
        free = self._limits.max_pending - len(self.tasks)
        of_one_instance = self._limits.max_pending_per_instance
        return self._pending_of_organization[organization_id] >= free or (
            of_one_instance is not None and self._pending_of_instance[organization_id, instance_id] >= of_one_instance
        )

    def _finished(self, task: asyncio.Task[None], organization_id: str, instance_id: str) -> None:
        self.tasks.discard(task)
        _decrement(self._pending_of_organization, organization_id)
        _decrement(self._pending_of_instance, (organization_id, instance_id))

    async def _answer(self, endpoint: Endpoint, raw: NatsMessage, organization_id: str, instance_id: str) -> None:
        async with self._slots[endpoint.is_slow].slot(organization_id, instance_id, next(self._numbers)):
            with bound_request_id((raw.headers or {}).get(HEADER)):
                body = await _body(endpoint, raw)
        limit = self._client.max_payload
        if len(body) > limit:
            detail = f"the reply has {len(body)} bytes, a NATS message at most {limit}; ask for fewer items: `limit`"
            body = _problem_reply(Problem(413, "answer_too_large", detail))
        await self._reply(raw, body)

    async def _reply(self, raw: NatsMessage, body: bytes) -> None:
        try:
            await raw.respond(body)
        except NATS_OUTAGE_ERRORS as error:
            log.warning("the reply to %s could not be published: %s", raw.subject, type(error).__name__)


def _decrement(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


async def _body(endpoint: Endpoint, raw: NatsMessage) -> bytes:
    started_at = time.perf_counter()
    result: Result = "problem"
    try:
        body = await endpoint.respond(raw.subject, raw.data)
        result = "reply"
        return body
    except Problem as problem:
        return _problem_reply(problem)
    except OUTAGE_ERRORS as error:
        log.warning("a request on %s failed: MongoDB or NATS is unreachable (%s)", raw.subject, type(error).__name__)
        return _problem_reply(Problem(503, "unavailable", "the database is not reachable; try again in a moment"))
    except Exception as error:
        log.error("a request on %s failed", raw.subject, exc_info=error)
        return _problem_reply(Problem(500, "internal_error", "something went wrong here; the log has the reason"))
    finally:
        observe_handling(endpoint.message_class.subject, result, started_at)


def parse_request(message_class: type[M], subject: str, body: bytes) -> M:
    """The query or request of a NATS message; an empty body is `{}`.

    Organization and instance are those of the subject, which NATS permissions guard. Raises Problem 422 for what cannot
    be read, 403 for a body that names another organization or instance.
    """
    organization_id, instance_id = subject.split(".")[4:]
    try:
        fields = parse_json(body or b"{}", "the question")
        if not isinstance(fields, dict):
            raise Problem(422, "invalid_json", "the question must be a JSON object")
        of_body = fields.setdefault("organization_id", organization_id), fields.setdefault("instance_id", instance_id)
        if of_body != (organization_id, instance_id):
            detail = "organization_id and instance_id must be those of the subject; leave them out of the body"
            raise Problem(403, "organization_mismatch", detail)
        return message_class.model_validate(fields)
    except ValidationError as error:
        detail = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:20])
        raise Problem(422, "validation_failed", detail) from error


def _problem_reply(problem: Problem) -> bytes:
    return json.dumps(problem_body(problem, current_request() or new_id())).encode()
