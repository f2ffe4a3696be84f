"""The replies to requests whose handler fails, that are too many, or that are pending when the service stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar

import pytest
from nats.aio.client import Client
from prometheus_client import REGISTRY
from pydantic import BaseModel
from pymongo.errors import AutoReconnect

from services.api.responses import Ok
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.messaging.rpc_client import rpc_request
from shared.messaging.rpc_server import ModelEndpoint, RpcLimits, rpc_server
from tests.subscriptions import subscribed


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


def endpoint(handle: Callable[[Weather], Awaitable[BaseModel]]) -> ModelEndpoint[Weather]:
    return ModelEndpoint(Weather, handle)


def returning(outcome: Exception | BaseModel) -> ModelEndpoint[Weather]:
    async def handle(_query: Weather) -> BaseModel:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return endpoint(handle)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AutoReconnect("mongod is gone"), 503, "unavailable"),
        (ZeroDivisionError("a bug"), 500, "internal_error"),
        (Problem(409, "too_cloudy", "wait for the sun"), 409, "too_cloudy"),
    ],
)
async def test_a_failure_is_answered_and_so_is_the_next_request(
    nats: Client, error: Exception, status: int, code: str
) -> None:
    async with rpc_server(nats, [returning(error)]):
        for _ in range(2):
            with pytest.raises(Problem) as refused:
                await rpc_request(nats, weather())
            assert (refused.value.status, refused.value.code) == (status, code)
            assert "mongod" not in refused.value.detail


async def test_processes_with_the_same_queue_share_the_requests(nats: Client, nats_url: str) -> None:
    answers: list[str] = []

    def counting(name: str) -> ModelEndpoint[Weather]:
        async def handle(_query: Weather) -> BaseModel:
            answers.append(name)
            return Ok()

        return endpoint(handle)

    other = Client()
    await other.connect(nats_url)
    async with rpc_server(nats, [counting("one")], queue="api"), rpc_server(other, [counting("two")], queue="api"):
        await subscribed(nats)
        await subscribed(other)
        await asyncio.gather(*(rpc_request(nats, weather()) for _ in range(100)))
    await other.close()
    assert len(answers) == 100
    assert set(answers) == {"one", "two"}


async def test_pending_requests_are_answered_before_the_service_stops(nats: Client) -> None:
    release, started = asyncio.Event(), asyncio.Event()

    async def handle(_query: Weather) -> BaseModel:
        started.set()
        await release.wait()
        return Ok()

    async with rpc_server(nats, [endpoint(handle)]):
        asked = asyncio.create_task(rpc_request(nats, weather()))
        await started.wait()
        asyncio.get_running_loop().call_later(0.05, release.set)
    assert await asked == {"success": True}
    with pytest.raises(Problem) as refused:
        await rpc_request(nats, weather())
    assert refused.value.code == "nobody_answers"


async def test_the_number_of_concurrent_handlers_is_bounded(nats: Client) -> None:
    running, highest = 0, 0

    async def handle(_query: Weather) -> BaseModel:
        nonlocal running, highest
        running += 1
        highest = max(highest, running)
        await asyncio.sleep(0.001)
        running -= 1
        return Ok()

    async with rpc_server(nats, [endpoint(handle)]):
        await asyncio.gather(*(rpc_request(nats, weather(), timeout=20) for _ in range(RpcLimits().concurrent * 4)))
    assert highest == RpcLimits().concurrent


async def test_a_request_without_a_reply_subject_is_ignored(nats: Client) -> None:
    async with rpc_server(nats, [returning(Ok())]):
        await nats.publish(weather().full_subject, b"{}")
        assert await rpc_request(nats, weather()) == {"success": True}


async def test_the_time_of_each_request_is_measured_by_its_class_and_result(nats: Client) -> None:
    def count(result: str) -> float:
        labels = {"subject": Weather.subject, "result": result}
        return REGISTRY.get_sample_value("switchboard_message_handling_seconds_count", labels) or 0.0

    replies, problems = count("reply"), count("problem")
    async with rpc_server(nats, [returning(Ok())]):
        await rpc_request(nats, weather())
    async with rpc_server(nats, [returning(ZeroDivisionError("a bug"))]):
        with pytest.raises(Problem):
            await rpc_request(nats, weather())
    assert (count("reply") - replies, count("problem") - problems) == (1, 1)
