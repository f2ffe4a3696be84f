"""Answers to the realtime service (NATS request/reply): whose API key is this, how many requests may this caller make,
did too many wrong tokens come from this address."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import BaseModel, ValidationError

from services.api.access.rate_limits import RateLimits
from services.api.store.api_keys import ApiKeys
from shared.contracts.errors import Reject
from shared.contracts.principal import Principal
from shared.contracts.queries import (
    ApiKeyOwner,
    CountFailedCredential,
    FailedCredentialCounted,
    RateLimitTaken,
    TakeRateLimit,
    VerifyApiKey,
)
from shared.messaging.reply_subjects import may_answer
from shared.platform.background import finish_tasks, run_once
from shared.platform.mongo import TRANSIENT_ERRORS, Database

AT_ONCE = 32
"""Questions one process works on; more stay in the connection's buffer."""
FINISH_TIMEOUT_S = 5.0
"""For the questions under way when the service stops."""
_UNNAMED = "bus"
"""Wrong keys of a question without an address are counted together."""

log = logging.getLogger(__name__)
Answer = Callable[[Msg], Awaitable[BaseModel]]


@dataclass(frozen=True)
class _Answers:
    database: Database
    rates: RateLimits

    async def key(self, message: Msg) -> BaseModel:
        try:
            question = VerifyApiKey.model_validate_json(message.data)
        except ValidationError:
            log.warning("unreadable question on %s", message.subject)
            return ApiKeyOwner()
        owner = await ApiKeys(self.database.api_keys).principal_by_key(question.key)
        if owner is None:
            wait = await self.rates.count_failure(self.database, question.client or _UNNAMED)
            return ApiKeyOwner(retry_after=wait or None)
        return _described(owner)

    async def rate(self, message: Msg) -> BaseModel:
        question = TakeRateLimit.from_nats(message.subject, message.data)
        organization_id, count = question.organization_id, question.count
        counts = await self.rates.take(self.database, organization_id, question.caller, count)
        granted = min((each.granted for each in counts), default=count)
        wait = max((each.retry_after_s for each in counts if each.granted < count), default=0)
        return RateLimitTaken(granted=granted, retry_after=wait if granted < count else 0)

    async def failure(self, message: Msg) -> BaseModel:
        question = CountFailedCredential.from_nats(message.subject, message.data)
        return FailedCredentialCounted(retry_after=await self.rates.count_failure(self.database, question.client))


def _described(owner: Principal) -> ApiKeyOwner:
    if owner.instance_ids is not None:
        return ApiKeyOwner(limited=True)
    return ApiKeyOwner(
        organization_id=owner.organization_id,
        key_id=owner.subject.removeprefix("key:"),
        scopes=sorted(owner.scopes),
        expires_at=owner.expires_at,
    )


@asynccontextmanager
async def serving(client: Client, database: Database, rates: RateLimits) -> AsyncIterator[None]:
    """Answer as long as the context lasts; replicas share the questions."""
    answers = _Answers(database, rates)
    answered: dict[str, Answer] = {
        VerifyApiKey.subject_filter(): answers.key,
        TakeRateLimit.subject_filter(): answers.rate,
        CountFailedCredential.subject_filter(): answers.failure,
    }
    free, tasks = asyncio.Semaphore(AT_ONCE), set[asyncio.Task[None]]()

    def receiver(answer: Answer) -> Callable[[Msg], Awaitable[None]]:
        async def receive(message: Msg) -> None:
            await free.acquire()
            task = run_once("question of realtime", _respond(answer, message))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: free.release())

        return receive

    subscriptions = [await client.subscribe(on, queue="api", cb=receiver(answer)) for on, answer in answered.items()]
    try:
        yield
    finally:
        for subscription in subscriptions:
            if client.is_connected:
                await subscription.unsubscribe()
        await finish_tasks(tasks, FINISH_TIMEOUT_S)


async def _respond(answer: Answer, message: Msg) -> None:
    """Who asks takes silence for an api that is away."""
    if not may_answer(message):
        return
    try:
        reply = await answer(message)
        await message.respond(reply.model_dump_json().encode())
    except TRANSIENT_ERRORS:
        log.warning("a question of the realtime service stays unanswered: MongoDB is away")
    except (ValidationError, Reject):
        log.warning("unreadable question on %s", message.subject)
    except NatsError as error:
        log.warning("an answer to %s is lost: %s", message.subject, type(error).__name__)
    except Exception as error:
        log.error("a question on %s failed", message.subject, exc_info=error)
