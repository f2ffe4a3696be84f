"""What a server reads before routing is limited, and the operational endpoints are not reachable from outside."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
import uvicorn
from starlette.types import ASGIApp

from services.api.middleware.json_bodies import MAX_ANONYMOUS_BODY_BYTES
from services.api.middleware.request_context import MAX_HEADER_BYTES
from services.api.settings import ApiSettings
from services.router.app import make_app
from services.router.settings import RouterSettings
from shared.platform.settings import Settings
from shared.service import lifespan_app, server_config
from shared.web import bounded_http
from shared.web.bounded_http import MAX_HEAD_BYTES, MAX_UNWANTED_BYTES, BoundedHttp
from shared.web.operational_endpoints import OPERATIONAL_PATHS
from tests.component.api.conftest import Api, Member, api, member, own_bus, settings
from tests.security.in_process import InProcess, in_process
from tests.servers import free_port

__all__ = ["api", "member", "own_bus", "settings"]


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """A server as shared/service.py makes it; its port."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, lifespan="off", http=BoundedHttp)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="module")
async def in_process_api(api: Api, settings: ApiSettings) -> AsyncIterator[InProcess]:
    async with in_process(settings.model_copy(update={"http_port": free_port()})) as found:
        yield found


@pytest.fixture
async def port(in_process_api: InProcess) -> AsyncIterator[int]:
    async with served(in_process_api.app) as found:
        yield found


async def exchange(port: int, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what is answered before the server closes, or to one whole request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await asyncio.wait_for(reader.readexactly(int(headers.get("content-length", 0))), 20)
        return int(first.split(" ")[1]), headers, body
    finally:
        writer.close()


async def test_endless_headers_are_refused_and_not_buffered(port: int) -> None:
    endless = [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ", *[b"a" * 16_384] * (2 * MAX_HEAD_BYTES // 16_384)]
    status, headers, body = await exchange(port, *endless)
    assert (status, headers["connection"], json.loads(body)["code"]) == (431, "close", "headers_too_large")


async def test_many_headers_are_refused_like_a_long_one(port: int) -> None:
    many = [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", *[b"X-Some: " + b"a" * 1_000 + b"\r\n"] * 40, b"\r\n"]
    status, _, body = await exchange(port, *many)
    assert (status, json.loads(body)["code"]) == (431, "headers_too_large")
    assert MAX_HEADER_BYTES < 40_000 < MAX_HEAD_BYTES


async def test_a_large_body_is_no_long_head(port: int, member: Member) -> None:
    body = b'{"instance_name": "' + b"x" * 200_000 + b'"}'
    head = (
        f"POST /api/whatsapp/instances HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: {member.http.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, _, answer = await exchange(port, head.encode() + body)
    assert (status, json.loads(answer)["code"]) == (422, "validation_failed")


async def test_an_invalid_request_is_refused_in_json(port: int) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"HELLO\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"):
        status, headers, body = await exchange(port, sent)
        assert (status, headers["content-type"]) == (400, "application/problem+json"), sent
        assert json.loads(body)["code"] == "invalid_request"


async def test_a_client_that_never_ends_the_headers_is_disconnected(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", 0.2)
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
        status, _, body = await exchange(port, begun)
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")


async def test_a_slow_answer_is_no_slow_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", 0.1)

    async def slow(scope: dict[str, object], receive: object, send: object) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    async with served(slow) as port:  # type: ignore[arg-type]
        assert (await exchange(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 204


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_is_refused_before_it_is_sent(port: int, announced: bool) -> None:
    """The client has sent nothing yet, or the first chunks of a body without end: the answer does not wait."""
    length = b"Content-Length: 1000000000" if announced else b"Transfer-Encoding: chunked"
    head = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + length + b"\r\n\r\n"
    )
    chunks = [] if announced else [b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 20
    status, _, body = await exchange(port, head, *chunks)
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")


async def test_a_body_that_goes_on_after_its_refusal_is_dropped_and_ends(port: int) -> None:
    """The response comes at once; a client that keeps sending is disconnected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 20)).startswith(b"HTTP/1.1 413")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 4 * MAX_UNWANTED_BYTES:
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536
    writer.close()
    assert sent < 4 * MAX_UNWANTED_BYTES


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register", "/api/users/x", "/api/contacts"])
async def test_an_unauthenticated_client_may_send_little(in_process_api: InProcess, member: Member, path: str) -> None:
    """Reading a body costs the time of everybody else."""
    large = b'{"email": "' + b"x" * MAX_ANONYMOUS_BODY_BYTES + b'"}'
    for headers in ({}, {"x-api-key": "sbk_nonsense"}, {"authorization": "Bearer x"}, {"content-type": "text/plain"}):
        answer = await in_process_api.ask("POST", path, large, headers)
        assert (answer.status, json.loads(answer.body)["code"]) == (413, "body_too_large")
    known = await in_process_api.ask("POST", path, large, {"authorization": str(member.http.headers["Authorization"])})
    assert known.status != 413


GUARDS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/nowhere", b""),
        ("PUT", "/api/users", b""),
        ("GET", "/health", b""),
        ("GET", "/openapi.json", b""),
        ("POST", "/api/auth/login", b"{"),
        ("POST", "/api/auth/login", b"{}"),
        ("GET", "/api/users", b""),
        ("GET", "/docs", b""),
        ("GET", "/api/config", b""),
        ("OPTIONS", "/api/users", b""),
        ("GET", "/api/users/", b""),
    ],
)
async def test_every_response_has_security_headers_and_hsts_over_tls(
    in_process_api: InProcess, method: str, path: str, body: bytes
) -> None:
    plain = await in_process_api.ask(method, path, body)
    assert {name: plain.headers.get(name) for name in GUARDS} == GUARDS
    assert plain.headers["content-security-policy"]
    assert "strict-transport-security" not in plain.headers
    secure = await in_process_api.ask(method, path, body, scheme="https")
    assert secure.headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/users/x", "DELETE, GET, PATCH"),
        ("/api/api-keys", "GET, POST"),
        ("/api/organization", "GET, PATCH"),
        ("/api/whatsapp/instances/x", "DELETE, GET, PATCH"),
        ("/api/bookings", "GET, POST"),
        ("/docs", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_names_all_allowed_ones(in_process_api: InProcess, path: str, allowed: str) -> None:
    for method in ("PUT", "OPTIONS", "TRACE", "BREW"):
        answer = await in_process_api.ask(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed), method


async def test_head_of_a_page_is_its_get_without_a_body(port: int) -> None:
    for path in (b"/", b"/health", b"/docs", b"/console/js/main.js", b"/api/users"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HEAD " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        expected = b"HTTP/1.1 405" if path.startswith(b"/api/") else b"HTTP/1.1 200"
        assert head.startswith(expected), (path, answer)
        assert body == b""


PASSED_ON = ("X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via")


@pytest.mark.parametrize("path", sorted(OPERATIONAL_PATHS - {"/workers"}))
async def test_operational_endpoints_answer_nobody_behind_a_proxy(in_process_api: InProcess, path: str) -> None:
    assert (await in_process_api.ask("GET", path)).status == 200
    for header in PASSED_ON:
        refused = await in_process_api.ask("GET", path, headers={header: "1.2.3.4"})
        assert (refused.status, b"python_info" in refused.body) == (404, False), header


async def test_every_service_refuses_them_alike() -> None:
    """All are made by the same function."""
    asked = InProcess(make_app(RouterSettings(environment="local")))
    for path in sorted(OPERATIONAL_PATHS):
        assert (await asked.ask("GET", path, headers={"X-Forwarded-For": "1.2.3.4"})).status == 404
    assert (await asked.ask("GET", "/livez")).status == 200


def test_an_idle_connection_is_closed_by_the_front_server_first() -> None:
    """Else a request may be on its way while the service closes: 502, and it is not known whether it was done."""
    caddy_idle_s = 120
    config = server_config(lifespan_app(nullcontext), Settings(environment="local"))
    assert config.timeout_keep_alive > caddy_idle_s
