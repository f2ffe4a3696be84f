"""Local mode asks for no password, so nothing but this machine's own programs and pages may drive it."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from deploy.local import front_proxy
from deploy.local.front_proxy import Backends, make_app, serve
from deploy.local.process_specs import PROCESSES
from deploy.local.stack import Options, Stack
from simulator.app import Simulator
from tests.servers import free_port

PHONE = {"number": "4915112345678", "name": "Anna"}
FOREIGN = (
    {"Host": "attacker.example"},
    {"Host": "attacker.example:3005"},
    {"Host": "127.0.0.1.attacker.example"},
    {"Host": "localhost.attacker.example"},
    {"Host": ""},
    {"Origin": "https://attacker.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
"""What a browser sends for a page that is not the interface's own."""


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path, seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: ":".join(*headers.items()))
async def test_a_web_page_cannot_drive_the_simulator(simulator: Simulator, headers: dict[str, str]) -> None:
    """A form or a `fetch` with `no-cors` needs no leave of the other side: it is enough that it is carried out."""
    async with aiohttp.ClientSession() as http:
        for path, body in (("/phones", PHONE), ("/contacts", {}), ("/faults", {"refuse_connections": True})):
            for content_type in ("text/plain", "application/json"):
                sent = headers | {"Content-Type": content_type}
                async with http.post(simulator.control_url + path, json=body, headers=sent) as answer:
                    assert answer.status == 403
                    assert (await answer.json(content_type="application/problem+json"))["detail"]
        async with http.get(f"{simulator.control_url}/phones", headers=headers) as answer:
            assert answer.status == 403
    assert simulator.world.phones == {}
    assert simulator.world.contacts == {}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.1:5"])
async def test_this_machines_own_programs_and_pages_can(simulator: Simulator, name: str) -> None:
    own = {"Host": name, "Origin": f"http://{name}", "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{simulator.control_url}/phones", json=PHONE, headers=own) as answer:
            assert answer.status == 201
        async with http.get(f"{simulator.control_url}/docs", headers={"Sec-Fetch-Site": "none"}) as answer:
            assert answer.status == 200


@dataclass
class Door:
    """The local front server in front of one backend; `seen`: what reached that."""

    port: int
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door, stopped = Door(free_port()), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse(max_msg_size=10_000_000)
            await socket.prepare(request)
            async for message in socket:
                door.seen.append(f"{len(message.data)} bytes")
                await socket.send_str("x" * 1_000_000)
            return socket
        door.seen.append(request.raw_path)
        await request.read()
        return web.Response(text="passed on")

    backend = web.Application(client_max_size=10_000_000)
    backend.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(backend) as service:
        url = f"http://127.0.0.1:{service.port}"
        running = asyncio.create_task(serve(await make_app(Backends(url, url)), door.port, stopped, 0.5))
        while not _listens(door.port):
            assert not running.done()
            await asyncio.sleep(0.02)
        yield door
        stopped.set()
        await running


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:3000", "127.0.0.1.nip.example", "0.0.0.0"])
async def test_the_front_server_answers_to_this_machines_names_only(door: Door, host: str) -> None:
    """DNS rebinding: a page's own name resolves to 127.0.0.1, so the browser takes everything here for its own."""
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/api/auth/register", "/socket.io/?EIO=4"):
            async with http.post(door.url + path, headers={"Host": host}) as answer:
                assert answer.status == 421
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{door.url}/socket.io/?transport=websocket", headers={"Host": host})
        assert door.seen == []
        for name in ("localhost", "127.0.0.1", "[::1]:3000", f"LOCALHOST:{door.port}"):
            async with http.get(f"{door.url}/", headers={"Host": name}) as answer:
                assert answer.status == 200


async def test_a_name_of_the_setting_is_answered_to(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """For who reaches local mode through a tunnel."""
    monkeypatch.setenv("WA_ALLOWED_HOSTS", "chat.example.com,*.tunnel.example")
    async with aiohttp.ClientSession() as http:
        for name, status in (("chat.example.com", 200), ("x.tunnel.example:443", 200), ("tunnel.example.evil", 421)):
            async with http.get(f"{door.url}/", headers={"Host": name}) as answer:
                assert answer.status == status, name


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/livez", "/workers"])
async def test_operational_endpoints_are_not_passed_on_locally_either(door: Door, path: str) -> None:
    spellings = [path, path.upper(), f"{path}/", f"/{path}", f"/api/..{path}", f"/api/%2e%2e{path}", f"{path}?x=1"]
    spellings += [f"/%{ord(path[1]):02x}{path[2:]}", f"/socket.io/..{path}", f"{path}/x", f"/.{path}"]
    for target in spellings:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert b" 404 " in (await reader.read()).split(b"\r\n")[0], target
        writer.close()
    assert door.seen == []


async def test_a_frame_above_the_sockets_limit_stops_at_the_front(door: Door) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"{door.url}/socket.io/?transport=websocket"
        async with http.ws_connect(url, max_msg_size=10_000_000) as socket:
            await socket.send_str("x" * 300_000)
            assert len((await socket.receive()).data) == 1_000_000  # events may be larger than what clients send
            await socket.send_str("x" * 400_000)
            while (message := await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
                assert message.type is not WSMsgType.TEXT
    assert door.seen == ["300000 bytes"]


async def test_who_never_ends_its_headers_is_hung_up_on(door: Door) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(5)]
    for _, writer in silent:
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    async with aiohttp.ClientSession() as http, http.get(f"{door.url}/") as answer:
        assert answer.status == 200
    async with asyncio.timeout(30):
        for reader, writer in silent:
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()


async def test_a_body_that_stops_arriving_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_proxy, "BODY_IDLE_TIMEOUT_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"POST /api/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf")
    async with asyncio.timeout(30):
        assert b" 408 " in (await reader.read()).split(b"\r\n")[0]
    writer.close()


async def test_what_the_launcher_writes_is_its_users_only(tmp_path: Path) -> None:
    """Also in a folder that an earlier version left open, and when the user's umask is 022."""
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    data.chmod(0o755)
    (data / "logs" / "mongo.log").write_text("of an earlier version\n")
    (data / "logs" / "mongo.log").chmod(0o644)
    wanted = tuple(process for process in PROCESSES if process.name in ("nats", "mongo", "simulator"))
    before = os.umask(0o022)
    try:
        async with Stack(Options(data=data, port=0, processes=wanted)):
            found = {path: stat.S_IMODE(path.lstat().st_mode) for path in (data, *data.rglob("*")) if path.exists()}
    finally:
        os.umask(before)
    assert len(found) > 10
    assert {str(path.relative_to(tmp_path)): oct(mode) for path, mode in found.items() if mode & 0o077} == {}
