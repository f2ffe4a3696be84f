"""The fixture ladder for real servers, and nothing else."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from tests.servers import mongod, nats_server


@pytest.fixture(scope="session")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A nats-server with JetStream: WA_TEST_NATS_URL when given, else one of our own for this run."""
    if given := os.environ.get("WA_TEST_NATS_URL"):
        yield given
        return
    server = nats_server(tmp_path_factory.mktemp("nats"))
    await server.start()
    yield f"nats://127.0.0.1:{server.port}"
    await server.kill()


@pytest.fixture(scope="session")
async def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A replica set of one: WA_TEST_MONGO_URL when given, else one of our own for this run."""
    if given := os.environ.get("WA_TEST_MONGO_URL"):
        yield given
        return
    server = mongod(tmp_path_factory.mktemp("mongo"))
    await server.start()
    await start_replica_set(server.port)
    yield f"mongodb://127.0.0.1:{server.port}/?replicaSet=rs0"
    await server.kill()


async def start_replica_set(port: int) -> None:
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient("127.0.0.1", port, directConnection=True)
    async with client:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        await client.admin.command({"replSetInitiate": {"_id": "rs0", "members": [member]}})


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
