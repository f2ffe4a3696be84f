"""The realtime service on a real nats-server, with the real Socket.IO client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import socketio
import uvicorn
from nats.aio.client import Client
from nats.js import JetStreamContext

from services.realtime.app import make_app
from services.realtime.settings import RealtimeSettings
from shared.contracts.access_tokens import issue_token
from shared.contracts.principal import Principal
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.service import server_config
from tests.servers import free_port
from tests.token_keys import PUBLIC_KEY, SIGNING_KEY
from tests.waiting import until


def token(organization_id: str, lifetime: timedelta = timedelta(minutes=5), **fields: Any) -> str:
    return issue_token(Principal(organization_id=organization_id, subject="user", **fields), SIGNING_KEY, lifetime)


@dataclass
class Browser:
    """A connected client. `received`: every event with its payload, in order."""

    client: Any
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def payloads_of(self, name: str) -> list[dict[str, Any]]:
        return [payload for event, payload in self.received if event == name]

    async def call(self, event: str, data: Any = None) -> dict[str, Any]:
        answer = await self.client.call(event, data, timeout=15)
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def browser(url: str, auth_token: str) -> AsyncIterator[Browser]:
    client = socketio.AsyncClient(reconnection=False)
    connected = Browser(client)

    async def on_event(event: str, payload: Any) -> None:
        connected.received.append((event, payload))

    client.on("*", on_event)
    await client.connect(url, auth={"token": auth_token}, transports=["websocket"], wait_timeout=15)
    try:
        yield connected
    finally:
        await client.disconnect()


@asynccontextmanager
async def service(nats_url: str, **options: Any) -> AsyncIterator[str]:
    """The service in this process with these settings. Yields its URL."""
    port = free_port()
    values: dict[str, Any] = {"send_wait": 2, "shutdown_grace": timedelta(seconds=1)} | options
    settings = RealtimeSettings(nats_url=nats_url, http_port=port, token_public_key=PUBLIC_KEY, **values)
    config = server_config(make_app(settings), settings, settings.socket_payload_limit)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def realtime(nats_url: str) -> AsyncIterator[str]:
    async with service(nats_url) as url:
        yield url


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
def js(nats: Client) -> JetStreamContext:
    return jetstream(nats)


@pytest.fixture
def publish(js: JetStreamContext) -> Publisher:
    return Publisher(js)
