"""Several nodes: one connection per instance in the cluster; a node without its lease closes its connections first."""

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
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.servers import Server, nats_server
from tests.waiting import until


@pytest.fixture
async def other(settings: SessionSettings, database: Database, testbed: NodeTestBed) -> AsyncIterator[NodeTestBed]:
    """A second node of the same cluster, with workers of its own."""
    settings = settings.model_copy(update={"node_name": f"{settings.node_name}-b"})
    other = NodeTestBed(settings, database, FakeWorkers())
    other.organization = testbed.organization
    await other.start()
    yield other
    await other.stop()


@pytest.fixture
async def own_nats(tmp_path: Path) -> AsyncIterator[Server]:
    server = nats_server(tmp_path)
    await server.start()
    yield server
    await server.kill()


async def test_an_instance_of_a_living_node_is_not_claimed(testbed: NodeTestBed, other: NodeTestBed) -> None:
    await testbed.connected()
    with pytest.raises(Retry):
        await other.connect()
    with pytest.raises(Retry):
        await other.send(other.text("m1"))
    assert other.workers.all == []
    assert (await testbed.document())["epoch"] == 1


async def test_the_instances_of_a_dead_node_are_claimed(testbed: NodeTestBed, other: NodeTestBed) -> None:
    await testbed.connected()
    await testbed.stop_node()
    taken = await other.document(status=S.CONNECTED.value, epoch=2)
    assert taken["node"].endswith("-b")
    assert [start.instance_id for start in other.workers.last.starts()] == [INSTANCE]


async def test_a_node_that_lost_ownership_changes_nothing(testbed: NodeTestBed, database: Database) -> None:
    await testbed.connected()
    taken = {"$set": {"node": "elsewhere"}, "$inc": {"epoch": 1}}
    await database["connections"].update_one({"_id": INSTANCE}, taken)
    testbed.workers.last.report(INSTANCE, "disconnected")
    node = testbed.node
    assert node
    await until(lambda: not node.workers()[0]["instances"])
    assert isinstance(testbed.workers.last.frames[-1], Stop)
    document = await testbed.document()
    assert (document["node"], document["status"], document["should_run"]) == ("elsewhere", "connected", True)


async def test_a_node_without_nats_closes_its_connections_and_opens_them_when_nats_is_back(
    settings: SessionSettings, database: Database, own_nats: Server
) -> None:
    settings = settings.model_copy(update={"nats_url": f"nats://127.0.0.1:{own_nats.port}"})
    testbed = NodeTestBed(settings, database, FakeWorkers())
    await testbed.start()
    await testbed.connected()
    await own_nats.kill()
    await testbed.document(status=S.RECONNECTING.value, reason="lease_lost")
    assert isinstance(testbed.workers.last.frames[-1], Stop)
    await own_nats.start()
    await testbed.document(status=S.CONNECTED.value, epoch=2)
    await testbed.event(ConnectionChanged, status=S.CONNECTED)
    await testbed.stop()
