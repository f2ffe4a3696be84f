"""Socket clients that send what no library sends, realtime as a process, and the service with a real api."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from nats.aio.client import Client

from services.api.settings import ApiSettings
from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Database, ensure_indexes, open_mongo
from tests.component.api.conftest import Api, running
from tests.integration.realtime.conftest import service
from tests.memory import in_memory
from tests.servers import free_port, nats_server
from tests.token_keys import PRIVATE_KEY, PUBLIC_KEY
from tests.waiting import until

PATH = "/socket.io/?EIO=4&transport="


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


class RawClient:
    """One WebSocket that answers pings. `packets`: the texts it received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.packets: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            if message.data == "2":
                await self._socket.send_str("3")
            else:
                self.packets.append(message.data)

    @property
    def closed(self) -> bool:
        return self._reading.done()

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    async def send(self, packet: str | bytes) -> None:
        if isinstance(packet, bytes):
            await self._socket.send_bytes(packet)
        else:
            await self._socket.send_str(packet)

    async def log_in(self, token: str, **auth: Any) -> str:
        """The answer: `40…` or `44…`."""
        before = len(self.logins)
        await self.send("40" + json.dumps({"token": token} | auth))
        await until(lambda: len(self.logins) > before or self.closed)
        assert self.logins, "the transport was closed without an answer"
        return self.logins[-1]

    @property
    def logins(self) -> list[str]:
        return [packet for packet in self.packets if packet.startswith(("40", "44"))]

    @property
    def received(self) -> list[tuple[str, dict[str, Any]]]:
        return [tuple(json.loads(packet[2:])) for packet in self.packets if packet.startswith("42")]

    def payloads_of(self, name: str) -> list[dict[str, Any]]:
        return [payload for event, payload in self.received if event == name]

    async def call(self, event: str, *data: Any, number: int = 1) -> Any:
        """The acknowledgement; None when the connection is closed instead."""
        head = f"43{number}["
        before = sum(packet.startswith(head) for packet in self.packets)
        await self.send(f"42{number}" + json.dumps([event, *data]))

        def answers() -> list[str]:
            return [packet for packet in self.packets if packet.startswith(head)][before:]

        await until(lambda: answers() or self.closed)
        return json.loads(answers()[0][len(head) - 1 :])[0] if answers() else None


@asynccontextmanager
async def raw_client(url: str, query: str = "") -> AsyncIterator[RawClient]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}{PATH}websocket{query}", max_msg_size=0) as socket,
    ):
        client = RawClient(socket)
        await until(lambda: client.packets or client.closed)
        try:
            yield client
        finally:
            client._reading.cancel()


@asynccontextmanager
async def logged_in(url: str, token: str, **auth: Any) -> AsyncIterator[RawClient]:
    async with raw_client(url) as client:
        assert (await client.log_in(token, **auth)).startswith("40")
        yield client


@asynccontextmanager
async def publisher(nats_url: str) -> AsyncIterator[Publisher]:
    client = Client()
    await client.connect(nats_url)
    try:
        yield Publisher(jetstream(client))
    finally:
        await client.close()


@dataclass
class RealtimeProcess:
    """`python -m services.realtime.main`, as it runs in production."""

    url: str
    pid: int
    log: Path

    @property
    def resident_bytes(self) -> int:
        """Resident, in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def realtime_process(nats_url: str, folder: Path, **settings: str) -> AsyncIterator[RealtimeProcess]:
    port, log = free_port(), folder / f"realtime-{new_id()}.log"
    environ = (
        os.environ | {"NATS_URL": nats_url, "WA_HTTP_PORT": str(port), "WA_TOKEN_PUBLIC_KEY": PUBLIC_KEY} | settings
    )
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.realtime.main", env=environ, stdout=sink, stderr=sink
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as http:
            await _ready(http, url, log)
        yield RealtimeProcess(url, process.pid, log)
    finally:
        process.terminate()
        await process.wait()


async def _ready(http: aiohttp.ClientSession, url: str, log: Path) -> None:
    async with asyncio.timeout(40):
        while True:
            try:
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


@dataclass
class Platform:
    """A realtime service and an api on one NATS server; the test is the other services."""

    api: Api
    realtime: str

    @property
    def database(self) -> Database:
        return self.api.database


@asynccontextmanager
async def platform(mongo_url: str, folder: Path, **limits: Any) -> AsyncIterator[Platform]:
    """`limits`: settings of the api."""
    bus = nats_server(folder)
    url = f"nats://127.0.0.1:{bus.port}"
    settings = ApiSettings(
        environment="local",
        nats_url=url,
        mongo_url=mongo_url,
        mongo_database=f"sockets_{new_id()[:8]}",
        http_port=free_port(),
        token_private_key=PRIVATE_KEY,
        **limits,
    )
    async with AsyncExitStack() as stack:
        stack.enter_context(in_memory(folder / "nats"))
        await bus.start()
        stack.push_async_callback(bus.kill)
        nats = Client()
        await nats.connect(url)
        stack.push_async_callback(nats.close)
        database = await stack.enter_async_context(open_mongo(settings))
        await ensure_indexes(database, {})
        api_url = await stack.enter_async_context(running(settings))
        realtime = await stack.enter_async_context(service(url))
        yield Platform(Api(api_url, settings, database, nats), realtime)
