"""One organization's queries on NATS do not keep those of others from being answered."""

import asyncio
from typing import ClassVar

from nats.aio.client import Client

from services.api.responses import Ok
from shared.contracts.errors import Problem
from shared.contracts.message import Query
from shared.messaging.rpc_client import rpc_request
from shared.messaging.rpc_server import ModelEndpoint, RpcLimits, rpc_server
from tests.subscriptions import subscribed

MAX_PENDING = RpcLimits().max_pending


class Forecast(Query):
    subject: ClassVar[str] = "wa.query.forecast.read"


async def outcome(client: Client, organization_id: str) -> str:
    try:
        await rpc_request(client, Forecast(organization_id=organization_id), timeout=60)
    except Problem as problem:
        return problem.code
    return "answered"


async def test_slow_queries_leave_capacity_for_other_organizations(nats_url: str) -> None:
    """At 12fd981, 32 slow queries of any organization blocked all later ones."""
    hang, working = asyncio.Event(), list[str]()

    async def handle(question: Forecast) -> Ok:
        working.append(question.organization_id)
        if question.organization_id == "greedy":
            await hang.wait()
        return Ok()

    api, asker = Client(), Client()
    await api.connect(nats_url)
    await asker.connect(nats_url)
    endpoint = ModelEndpoint(Forecast, handle)
    async with rpc_server(api, [endpoint], queue="api"):
        await subscribed(api)
        greedy = [asyncio.create_task(outcome(asker, "greedy")) for _ in range(2 * MAX_PENDING)]
        async with asyncio.timeout(50):
            others = await asyncio.gather(*(outcome(asker, f"other-{number}") for number in range(50)))
        assert others == ["answered"] * 50
        assert working.count("greedy") > 1
        hang.set()
        answers = await asyncio.gather(*greedy)
    await asker.close()
    await api.close()
    assert set(answers) == {"answered", "busy"}
    assert answers.count("answered") <= MAX_PENDING
