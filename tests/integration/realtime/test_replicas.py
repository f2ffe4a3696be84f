"""Two realtime services behind the local front server serve one room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import socketio
from aiohttp.test_utils import TestServer
from nats.aio.client import Client

from deploy.local.front_proxy import Backends, make_app
from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.contracts.registry import EVENTS_STREAM, organization_events_filter
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import service, token
from tests.waiting import until

TRANSPORTS = (["websocket"], ["polling"], ["polling", "websocket"]) * 2


@asynccontextmanager
async def front(*replicas: str) -> AsyncIterator[str]:
    async with TestServer(await make_app(Backends("http://127.0.0.1:1", *replicas))) as server:
        yield f"http://127.0.0.1:{server.port}"


@asynccontextmanager
async def connected(url: str, organization_id: str, transports: list[str]) -> AsyncIterator[list[str]]:
    client, received = socketio.AsyncClient(reconnection=False), list[str]()

    async def on_event(payload: dict[str, Any]) -> None:
        received.append(payload["detail"])

    client.on("whatsapp:status", on_event)
    await client.connect(url, auth={"token": token(organization_id)}, transports=transports)
    answer = await client.call("join-organization", organization_id, timeout=15)
    assert answer["success"]
    yield received
    reading, http = client.eio.read_loop_task, client.eio.http
    await client.eio.disconnect(abort=True)
    reading.cancel()  # otherwise this client waits for the answer to its last long poll
    await http.close()


async def test_two_replicas_serve_one_room_to_every_transport(nats_url: str, nats: Client, publish: Publisher) -> None:
    organization_id, published = new_id(), [str(number) for number in range(20)]
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(service(nats_url)) for _ in range(2)]
        url = await stack.enter_async_context(front(*replicas))
        clients = [
            await stack.enter_async_context(connected(url, organization_id, transports)) for transports in TRANSPORTS
        ]
        consumers = await jetstream(nats).consumers_info(EVENTS_STREAM)
        assert sum(info.config.filter_subject == organization_events_filter(organization_id) for info in consumers) == 2
        for detail in published:
            await publish(
                ConnectionChanged(
                    organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
                )
            )
            await asyncio.sleep(0.01)
        await until(lambda: all(received == published for received in clients))
