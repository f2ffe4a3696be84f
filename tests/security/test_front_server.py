"""What the front server of a deployment passes on and what not: the real Caddy on the shipped file."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.security.caddy_fixtures import Caddy, caddy
from tests.servers import free_port

OPERATIONS = ("/metrics", "/readyz", "/livez", "/workers")
DISGUISES = (
    "{path}",
    "{path}/",
    "{path}?x=1",
    "{path}/x",
    "/{path}",
    "//{path}",
    "/.{path}",
    "/api/..{path}",
    "/api/%2e%2e{path}",
    "/api/%2E%2E/..{path}",
    "/socket.io/..{path}",
    "/socket.io/%2e%2e{path}",
    "{path}/.",
)
"""Ways to write an address that a service or a proxy might take for `path`."""


@dataclass
class Backends:
    """`seen`: method, path as sent, and headers of what reached a service."""

    api: TestServer
    realtime: TestServer
    seen: list[tuple[str, str, dict[str, str]]]


@pytest.fixture(scope="module")
async def backends() -> AsyncIterator[Backends]:
    seen: list[tuple[str, str, dict[str, str]]] = []

    async def echo(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, {k.lower(): v for k, v in request.headers.items()}))
        size = len(await request.read())
        return web.json_response({"size": size}, headers={"Server": "a service 1.2.3"})

    servers = []
    for _ in range(2):
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{rest:.*}", echo)
        servers.append(TestServer(app))
    async with servers[0], servers[1]:
        yield Backends(servers[0], servers[1], seen)


@pytest.fixture(scope="module")
async def front(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caddy]:
    api, realtime = backends.api.port, backends.realtime.port
    assert api is not None
    assert realtime is not None
    async with caddy(tmp_path_factory.mktemp("caddy"), api=api, realtime=realtime) as running:
        yield running


async def raw(port: int, request: bytes) -> bytes:
    """What comes back until the connection is closed, byte for byte as it was asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("path", OPERATIONS)
async def test_operational_endpoints_are_never_passed_on(front: Caddy, backends: Backends, path: str) -> None:
    spellings = {
        path,
        path.upper(),
        path.title(),
        path[0] + f"%{ord(path[1]):02x}" + path[2:],
        path.replace("/", "/%2e/"),
    }
    targets = {form.format(path=spelling) for form in DISGUISES for spelling in spellings}
    targets |= {f"http://elsewhere{path}", f"http://127.0.0.1:8000{path}"}
    backends.seen.clear()
    for target in sorted(targets):
        for method, version in (("GET", "1.1"), ("GET", "1.0"), ("HEAD", "1.1"), ("POST", "1.1")):
            request = f"{method} {target} HTTP/{version}\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            answer = await raw(front.port, request.encode())
            assert status(answer) in (400, 404), (method, target, answer[:300])
    assert backends.seen == []


async def test_everything_else_is_passed_on_unchanged(front: Caddy, backends: Backends) -> None:
    backends.seen.clear()
    paths = [
        "/",
        "/api/metrics",
        "/api/contacts?x=%2F",
        "/docs",
        "/socket.io/?EIO=4",
        "/metricsx",
        "/console/workers.js",
        "/service-worker.js",
        "/manifest.webmanifest",
    ]
    for path in paths:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert status(await raw(front.port, request.encode())) == 200
    assert [path for _, path, _ in backends.seen] == paths


async def test_a_client_cannot_pretend_to_be_another(front: Caddy, backends: Backends) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.9, 10.0.0.1",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "elsewhere.example",
        "Connection": "close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host",
    }
    for path in ("/api/x", "/socket.io/x"):
        async with aiohttp.ClientSession() as http, http.get(front.url + path, headers=forged) as answer:
            assert answer.status == 200
        headers = backends.seen[-1][2]
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-forwarded-host"] == f"127.0.0.1:{front.port}"
        assert "203.0.113.9" not in json.dumps(headers)


async def test_no_answer_names_the_program(front: Caddy) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/api/x", "/socket.io/x", "/metrics"):
            async with http.get(front.url + path) as answer:
                assert not {"Server", "Via", "X-Powered-By"} & set(answer.headers)
    assert b"Server:" not in await raw(front.port, b"GET /metrics HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_that_is_too_large_is_a_413_in_our_shape(front: Caddy, announced: bool) -> None:
    """Each on a connection of its own: Caddy closes it."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(25):
            yield b"x" * 100_000

    data: Any = b"x" * 2_500_000 if announced else pieces()
    async with aiohttp.ClientSession() as http, http.post(f"{front.url}/api/x", data=data) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["code"], problem["success"]) == (413, "body_too_large", False)
    assert "2000000 bytes" in problem["detail"]
    assert set(problem) >= {"type", "title", "status", "detail", "code", "request_id", "success", "error"}


async def test_a_body_within_the_limit_arrives(front: Caddy) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{front.url}/api/x", data=b"x" * 1_900_000) as answer:
        assert (await answer.json())["size"] == 1_900_000


async def test_headers_without_end_are_refused(front: Caddy, backends: Backends) -> None:
    backends.seen.clear()
    answer = await raw(front.port, b"GET /api/x HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 200_000 + b"\r\n\r\n")
    assert status(answer) == 431
    assert backends.seen == []


async def test_who_never_ends_its_headers_is_hung_up_on(front: Caddy) -> None:
    """Others are answered meanwhile, and the connections are given back."""
    slow = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(20)]
    for _, writer in slow:
        writer.write(b"GET /api/x HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    async with aiohttp.ClientSession() as http, http.get(f"{front.url}/api/x") as answer:
        assert answer.status == 200
    async with asyncio.timeout(45):
        ends = await asyncio.gather(*(reader.read() for reader, _ in slow))
    assert not [end for end in ends if b" 200 " in end]
    for _, writer in slow:
        writer.close()


async def test_a_service_that_is_away_is_a_problem_and_no_token_is_logged(tmp_path: Path) -> None:
    async with caddy(tmp_path, api=free_port(), realtime=free_port()) as front, aiohttp.ClientSession() as http:
        headers = {"Authorization": "Bearer in-the-header", "X-Api-Key": "in-the-key", "Cookie": "t=in-the-cookie"}
        for path in ("/socket.io/?EIO=4&token=in-the-query", "/api/x?token=in-the-query"):
            async with http.get(front.url + path, headers=headers) as answer:
                problem = await answer.json(content_type="application/problem+json")
            assert (answer.status, problem["success"], answer.headers["Retry-After"]) == (502, False, "2")
            assert "in-the-query" not in json.dumps(problem)
        await front.server.kill()
        for secret in ("in-the-header", "in-the-query", "in-the-key", "in-the-cookie"):
            assert secret not in front.log(), secret


async def test_no_request_is_logged(front: Caddy) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{front.url}/api/seldom?token=in-the-query") as answer:
        assert answer.status == 200
    assert "in-the-query" not in front.log()


async def test_nothing_but_the_site_and_its_health_listens(front: Caddy) -> None:
    """No admin interface: who reaches it could change what is passed on."""
    assert front.server.process is not None
    with pytest.raises(OSError):  # noqa: PT011
        await asyncio.open_connection("127.0.0.1", 2019)
    adapted = await asyncio.create_subprocess_exec(
        *front.server.argv[: front.server.argv.index("run")],
        "adapt",
        *front.server.argv[-4:],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    config = json.loads((await adapted.communicate())[0])
    assert config["admin"] == {"disabled": True}
    listening = {address for server in config["apps"]["http"]["servers"].values() for address in server["listen"]}
    assert f":{front.port}" in listening
    assert all(address.startswith("127.0.0.1:") for address in listening - {f":{front.port}"})


async def test_with_tls_browsers_are_told_to_stay_with_it(tmp_path: Path, backends: Backends) -> None:
    port, plain = free_port(), free_port()
    shared = {"SWITCHBOARD_SITE": f"https://localhost:{port}", "XDG_DATA_HOME": str(tmp_path)}
    assert backends.api.port is not None
    config = (Path(__file__).parents[2] / "deploy" / "Caddyfile").read_text()
    changed = config.replace(
        "\tadmin off\n", f"\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port {plain}\n"
    )
    local = tmp_path / "Caddyfile"
    local.write_text(changed)
    async with caddy(tmp_path, api=backends.api.port, realtime=1, file=local, port=port, **shared):
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        async with aiohttp.ClientSession() as http:
            for path in ("/api/x", "/metrics"):
                async with http.get(f"https://localhost:{port}{path}", ssl=trusting) as answer:
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        trusting.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
        # the console is many small files, which HTTP/2 requests at the same time
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        writer.close()
