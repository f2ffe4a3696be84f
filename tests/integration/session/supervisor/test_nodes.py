"""Several nodes: one connection per account in the whole cluster, whoever is cut off lets go first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.session.ipc.messages import Stop
from services.session.settings import SessionSettings
from shared.contracts.errors import Retry
from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorkers
from tests.integration.session.supervisor.testbed import INSTANCE, WAIT_TIMEOUT_S, NodeTestBed
from tests.servers import Server, nats_server


@pytest.fixture
async def other(settings: SessionSettings, database: Database, bench: NodeTestBed) -> AsyncIterator[NodeTestBed]:
    """A second node of the same cluster, with workers of its own."""
    settings = settings.model_copy(update={"node_name": f"{settings.node_name}-b"})
    other = NodeTestBed(settings, database, FakeWorkers())
    other.organization = bench.organization
    await other.start()
    yield other
    await other.stop()


@pytest.fixture
async def own_nats(tmp_path: Path) -> AsyncIterator[Server]:
    server = nats_server(tmp_path)
    await server.start()
    yield server
    await server.kill()


async def test_an_account_of_a_living_node_is_left_alone(bench: NodeTestBed, other: NodeTestBed) -> None:
    await bench.connected()
    with pytest.raises(Retry):
        await other.connect()
    with pytest.raises(Retry):
        await other.send(other.text("m1"))
    assert other.workers.all == []
    assert (await bench.document())["epoch"] == 1


async def test_the_accounts_of_a_node_that_is_gone_are_taken_over(bench: NodeTestBed, other: NodeTestBed) -> None:
    await bench.connected()
    await bench.stop_node()
    taken = await other.document(status=S.CONNECTED.value, epoch=2)
    assert taken["node"].endswith("-b")
    assert [start.instance_id for start in other.workers.last.starts()] == [INSTANCE]


async def test_what_an_earlier_holder_still_says_changes_nothing(bench: NodeTestBed, database: Database) -> None:
    await bench.connected()
    taken = {"$set": {"node": "elsewhere"}, "$inc": {"epoch": 1}}
    await database["connections"].update_one({"_id": INSTANCE}, taken)
    bench.workers.last.change(INSTANCE, "disconnected")
    assert bench.node
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while bench.node.workers()[0]["instances"]:
            await asyncio.sleep(0.02)
    assert isinstance(bench.workers.last.told[-1], Stop)
    found = await bench.document()
    assert (found["node"], found["status"], found["should_run"]) == ("elsewhere", "connected", True)


async def test_a_node_without_its_bus_closes_its_connections_and_opens_them_when_it_is_back(
    settings: SessionSettings, database: Database, own_nats: Server
) -> None:
    settings = settings.model_copy(update={"nats_url": f"nats://127.0.0.1:{own_nats.port}"})
    bench = NodeTestBed(settings, database, FakeWorkers())
    await bench.start()
    await bench.connected()
    await own_nats.kill()
    await bench.document(status=S.RECONNECTING.value, reason="lease_lost")
    assert isinstance(bench.workers.last.told[-1], Stop)
    await own_nats.start()
    await bench.document(status=S.CONNECTED.value, epoch=2)
    await bench.event(ConnectionChanged, status=S.CONNECTED)
    await bench.stop()
