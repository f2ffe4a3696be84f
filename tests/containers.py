"""The same servers from containers, for machines with Docker: `WA_TEST_SERVERS=containers ./switchboard test`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.streams import declare_streams
from tests.servers import start_replica_set


@asynccontextmanager
async def _running(container: DockerContainer, port: int) -> AsyncIterator[str]:
    """Host and port under which the container's `port` is reached from here."""
    await asyncio.to_thread(container.start)
    try:
        yield f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"
    finally:
        await asyncio.to_thread(container.stop)


@asynccontextmanager
async def nats_container() -> AsyncIterator[str]:
    """The URL of a nats-server with JetStream."""
    container = DockerContainer("nats:2-alpine").with_command("-js").with_exposed_ports(4222)
    container.waiting_for(LogMessageWaitStrategy("Server is ready"))
    async with _running(container, 4222) as address:
        await declare_streams(f"nats://{address}")
        yield f"nats://{address}"


@asynccontextmanager
async def mongo_container() -> AsyncIterator[str]:
    """The URL of a replica set of one; it names itself by the address inside, so it is met directly."""
    container = DockerContainer("mongo:7").with_command("mongod --replSet rs0 --bind_ip_all").with_exposed_ports(27017)
    container.waiting_for(LogMessageWaitStrategy("Waiting for connections"))
    async with _running(container, 27017) as address:
        await start_replica_set(address, member="127.0.0.1:27017")
        yield f"mongodb://{address}/?directConnection=true"
