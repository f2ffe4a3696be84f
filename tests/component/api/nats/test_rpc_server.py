"""What becomes of a question when answering fails, and when the api stops."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from nats.aio.client import Client
from pydantic import BaseModel
from pymongo.errors import AutoReconnect

from services.api.nats.rpc_server import AT_ONCE, Answerer, Answering, serving
from services.api.responses import Ok
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.messaging.rpc_client import rpc_request
from tests.subscriptions import subscribed

NOTHING: Any = None
"""The context, which no answer here looks at."""


class Weather(Query):
    subject: ClassVar[str] = "wa.query.weather.read"


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    yield client
    await client.close()


def weather() -> Weather:
    return Weather(organization_id=new_id())


def answering(answer: Any) -> Answering[Weather]:
    return Answering(NOTHING, Answerer(Weather, answer, answer))


def answerer(outcome: Exception | BaseModel) -> Answering[Weather]:
    async def answer(_context: Any, _question: Weather) -> BaseModel:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return answering(answer)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AutoReconnect("mongod is gone"), 503, "unavailable"),
        (ZeroDivisionError("a bug"), 500, "internal_error"),
        (Problem(409, "too_cloudy", "wait for the sun"), 409, "too_cloudy"),
    ],
)
async def test_a_failure_is_answered_and_the_next_question_too(
    nats: Client, error: Exception, status: int, code: str
) -> None:
    async with serving(nats, [answerer(error)]):
        for _ in range(2):
            with pytest.raises(Problem) as refused:
                await rpc_request(nats, weather())
            assert (refused.value.status, refused.value.code) == (status, code)
            assert "mongod" not in refused.value.detail


async def test_replicas_share_the_questions(nats: Client, nats_url: str) -> None:
    answers: list[str] = []

    def counting(name: str) -> Answering[Weather]:
        async def answer(_context: Any, _question: Weather) -> BaseModel:
            answers.append(name)
            return Ok()

        return answering(answer)

    other = Client()
    await other.connect(nats_url)
    async with serving(nats, [counting("one")]), serving(other, [counting("two")]):
        await subscribed(nats)
        await subscribed(other)
        await asyncio.gather(*(rpc_request(nats, weather()) for _ in range(100)))
    await other.close()
    assert len(answers) == 100
    assert set(answers) == {"one", "two"}


async def test_what_is_under_way_is_answered_before_the_api_stops(nats: Client) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def answer(_context: Any, _question: Weather) -> BaseModel:
        begun.set()
        await gate.wait()
        return Ok()

    async with serving(nats, [answering(answer)]):
        asked = asyncio.create_task(rpc_request(nats, weather()))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, gate.set)
    assert await asked == {"success": True}
    with pytest.raises(Problem) as refused:
        await rpc_request(nats, weather())
    assert refused.value.code == "nobody_answers"


async def test_only_so_many_questions_are_worked_on_at_once(nats: Client) -> None:
    working, most = 0, 0

    async def answer(_context: Any, _question: Weather) -> BaseModel:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0.001)
        working -= 1
        return Ok()

    async with serving(nats, [answering(answer)]):
        await asyncio.gather(*(rpc_request(nats, weather(), timeout=20) for _ in range(AT_ONCE * 4)))
    assert most == AT_ONCE


async def test_a_question_without_a_reply_subject_is_ignored(nats: Client) -> None:
    async with serving(nats, [answerer(Ok())]):
        await nats.publish(weather().full_subject, b"{}")
        assert await rpc_request(nats, weather()) == {"success": True}
