"""A node on a real nats-server and a real mongod; its workers are fakes, or real ones where a test says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.session.settings import SessionSettings
from shared.contracts.ids import new_id
from shared.platform.mongo import Database, open_mongo
from tests.fakes.workers import FakeWorkers
from tests.integration.session.supervisor.testbed import NodeTestBed


@pytest.fixture
def settings(nats_url: str, mongo_url: str, tmp_path: Path) -> SessionSettings:
    """A database of its own for every test."""
    return SessionSettings(
        environment="local",
        nats_url=nats_url,
        mongo_url=mongo_url,
        mongo_database=f"t{new_id()[:12]}",
        data_dir=tmp_path / "session",
        node_name=f"node-{new_id()[:8]}",
        start_interval=0,
        lease_ttl=15,
    )


@pytest.fixture
async def database(settings: SessionSettings) -> AsyncIterator[Database]:
    async with open_mongo(settings) as database:
        yield database
        await database.client.drop_database(database.name)


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
async def testbed(settings: SessionSettings, database: Database, workers: FakeWorkers) -> AsyncIterator[NodeTestBed]:
    """A running node with fake workers, and what it publishes."""
    testbed = NodeTestBed(settings, database, workers)
    await testbed.start()
    yield testbed
    await testbed.stop()
