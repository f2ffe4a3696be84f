"""The fixture ladder for real servers: a given URL, else containers when asked for, else our own. And the profile of
property tests."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.containers import mongo_container, nats_container
from tests.memory import in_memory
from tests.servers import mongod, nats_server, start_replica_set

# an example takes as long as the machine lets it: no test is about that
hypothesis_settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("loaded")

CONTAINERS = os.environ.get("WA_TEST_SERVERS") == "containers"


@pytest.fixture(scope="session")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A nats-server with JetStream: WA_TEST_NATS_URL when given, else one for this run."""
    if given := os.environ.get("WA_TEST_NATS_URL"):
        yield given
        return
    async with nats_container() if CONTAINERS else _own_nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
async def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A replica set of one: WA_TEST_MONGO_URL when given, else one for this run."""
    if given := os.environ.get("WA_TEST_MONGO_URL"):
        yield given
        return
    async with mongo_container() if CONTAINERS else _own_mongo(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@asynccontextmanager
async def _own_nats(folder: Path) -> AsyncIterator[str]:
    with in_memory(folder / "nats"):
        server = nats_server(folder)
        await server.start()
        yield f"nats://127.0.0.1:{server.port}"
        await server.kill()


@asynccontextmanager
async def _own_mongo(folder: Path) -> AsyncIterator[str]:
    with in_memory(folder / "mongo"):
        server = mongod(folder)
        await server.start()
        await start_replica_set(f"127.0.0.1:{server.port}", journaled=False)
        yield f"mongodb://127.0.0.1:{server.port}/?replicaSet=rs0"
        await server.kill()
