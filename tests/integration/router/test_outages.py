"""MongoDB or NATS is killed in the middle of the work and comes back: nothing is lost, nothing is there twice."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from services.router.settings import RouterSettings
from shared.contracts.registry import DEAD_STREAM
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import open_mongo
from tests.integration.router.conftest import received
from tests.integration.router.service import service
from tests.servers import Server, free_port, mongod, nats_server, start_replica_set

MESSAGES = 60


@dataclass(frozen=True)
class Stack:
    """A router with servers of its own."""

    settings: RouterSettings
    mongod: Server
    nats: Server
    client: Client

    async def publish(self, first: int, last: int) -> None:
        publish = Publisher(jetstream(self.client))
        for number in range(first, last):
            while True:
                try:
                    await publish(received(f"A{number}", minute=number))
                    break
                except (NatsError, TimeoutError, OSError):
                    await asyncio.sleep(0.1)

    async def stored(self) -> dict[str, int]:
        async with open_mongo(self.settings) as database:
            return {name: await database[name].count_documents({}) for name in ("messages", "contacts", "bookings")}

    async def all_is_there(self) -> None:
        """Every message once; the limit of the test is the limit of the patience."""
        expected = {"messages": MESSAGES, "contacts": 1, "bookings": 1}
        while await self.stored() != expected:
            await asyncio.sleep(0.1)
        assert (await self.client.jetstream().stream_info(DEAD_STREAM)).state.messages == 0


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    mongo, nats = mongod(tmp_path), nats_server(tmp_path)
    await mongo.start()
    await nats.start()
    await start_replica_set(f"127.0.0.1:{mongo.port}")
    settings = RouterSettings(
        nats_url=f"nats://127.0.0.1:{nats.port}",
        mongo_url=f"mongodb://127.0.0.1:{mongo.port}/?replicaSet=rs0",
        http_port=free_port(),
    )
    async with service(settings):
        client = Client()
        await client.connect(settings.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=1)
        yield Stack(settings, mongo, nats, client)
        await client.close()
    await mongo.kill()
    await nats.kill()


@pytest.mark.parametrize("server", ["mongod", "nats"])
async def test_a_killed_server_costs_nothing(stack: Stack, server: str) -> None:
    killed: Server = getattr(stack, server)
    await stack.publish(0, 20)
    publishing = asyncio.create_task(stack.publish(20, MESSAGES))
    await asyncio.sleep(0)
    await killed.kill()
    await asyncio.sleep(0.5)
    await killed.start()
    await publishing
    await stack.all_is_there()
