"""The front front server on real sockets, with two small backends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from yarl import URL

from deploy.local import front_proxy
from deploy.local.front_proxy import Backends, make_app
from tests.servers import free_port

BIG = 5_000_000
NAME, RELEASE = web.AppKey("name", str), web.AppKey("release", asyncio.Event)


async def _echo(request: web.Request) -> web.StreamResponse:
    """Answers with what arrived; the query parameter `answer` selects another behaviour."""
    match request.query.get("answer"):
        case "moved":
            raise web.HTTPFound("/elsewhere")
        case "big":
            return web.Response(body=b"x" * BIG)
        case "broken":
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport
            request.transport.close()
            return response
        case "slow":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"first")
            await request.app[RELEASE].wait()
            await response.write(b"second")
            return response
    body = await request.read()
    request_facts = {"name": request.app[NAME], "method": request.method, "path": request.raw_path, "size": len(body)}
    return web.json_response(
        request_facts | {"headers": {key.lower(): value for key, value in request.headers.items()}}
    )


async def _socket(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return await _echo(request)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "bye":
            await socket.close(code=4001)
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(request.app[NAME] + f": {message.data}")
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    request.app[RELEASE].set()
    return socket


@asynccontextmanager
async def _backend(name: str) -> AsyncIterator[TestServer]:
    app = web.Application(client_max_size=2 * BIG)
    app[NAME], app[RELEASE] = name, asyncio.Event()
    app.router.add_route("*", "/socket.io/{rest:.*}", _socket)
    app.router.add_route("*", "/{rest:.*}", _echo)
    server = TestServer(app)
    async with server:
        yield server


@dataclass
class FrontServer:
    """url: the origin that browsers use."""

    url: str
    http: aiohttp.ClientSession
    api: TestServer
    realtime: TestServer


@pytest.fixture
async def front_server() -> AsyncIterator[FrontServer]:
    async with _backend("api") as api, _backend("realtime") as realtime:
        backends = Backends(f"http://127.0.0.1:{api.port}", f"http://127.0.0.1:{realtime.port}")
        async with TestServer(await make_app(backends)) as front, aiohttp.ClientSession() as http:
            yield FrontServer(f"http://127.0.0.1:{front.port}", http, api, realtime)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "api"),
        ("/api/contacts?x=%2F", "api"),
        ("/service-worker.js", "api"),
        ("/manifest.webmanifest", "api"),
        ("/socket.io/?EIO=4", "realtime"),
        ("/socket.iox", "api"),
    ],
)
async def test_paths_go_to_their_service_unchanged(front_server: FrontServer, path: str, name: str) -> None:
    async with front_server.http.post(URL(front_server.url + path, encoded=True), data=b"1234") as answer:
        request_facts = await answer.json()
    assert (request_facts["name"], request_facts["path"], request_facts["method"], request_facts["size"]) == (
        name,
        path,
        "POST",
        4,
    )


async def test_a_client_cannot_pretend_to_be_another_address(front_server: FrontServer) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer t", "Connection": "x-secret", "X-Secret": "1"}
    async with front_server.http.get(front_server.url, headers=headers) as answer:
        request_facts = (await answer.json())["headers"]
    assert (request_facts["x-forwarded-for"], request_facts["authorization"]) == ("127.0.0.1", "Bearer t")
    assert "x-secret" not in request_facts


async def test_large_bodies_pass_both_ways(front_server: FrontServer) -> None:
    async with front_server.http.put(f"{front_server.url}/upload", data=b"y" * BIG) as answer:
        assert (await answer.json())["size"] == BIG
    async with front_server.http.get(f"{front_server.url}/?answer=big") as answer:
        assert len(await answer.read()) == BIG


async def test_a_response_is_streamed_before_it_is_complete(front_server: FrontServer) -> None:
    async with front_server.http.get(f"{front_server.url}/?answer=slow") as answer:
        assert await answer.content.readany() == b"first"
        front_server.api.app[RELEASE].set()
        assert await answer.read() == b"second"


async def test_redirects_are_passed_on_and_not_followed(front_server: FrontServer) -> None:
    async with front_server.http.get(f"{front_server.url}/?answer=moved", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_a_broken_response_resets_the_connection(front_server: FrontServer) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with front_server.http.get(f"{front_server.url}/?answer=broken") as answer:
            await answer.read()


async def test_websockets_reach_realtime_and_close_with_its_code(front_server: FrontServer) -> None:
    async with front_server.http.ws_connect(f"{front_server.url}/socket.io/?transport=websocket") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "realtime: hello"
        await socket.send_bytes(b"\0\1")
        assert await socket.receive_bytes() == b"\0\1"
        await socket.send_str("bye")
        assert (await socket.receive()).type is WSMsgType.CLOSE
        assert socket.close_code == 4001


async def test_a_closed_browser_socket_closes_the_one_to_realtime(front_server: FrontServer) -> None:
    async with front_server.http.ws_connect(f"{front_server.url}/socket.io/?transport=websocket"):
        pass
    await asyncio.wait_for(front_server.realtime.app[RELEASE].wait(), 20)


async def test_an_unreachable_service_is_a_502_with_its_name() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    front = TestServer(await make_app(Backends(nobody, f"http://127.0.0.1:{free_port()}")))
    async with front, aiohttp.ClientSession() as http:
        for path, name in (("/api/contacts", "api"), ("/socket.io/?EIO=4", "realtime")):
            async with http.get(f"http://127.0.0.1:{front.port}{path}") as answer:
                problem_response = await answer.json(content_type="application/problem+json")
            assert (answer.status, problem_response["code"], problem_response["success"]) == (
                502,
                "backend_unavailable",
                False,
            )
            assert f"the {name} service does not answer" in problem_response["detail"]
        async with http.get(f"http://127.0.0.1:{front.port}/front/livez") as answer:
            assert answer.status == 200


async def test_a_stop_closes_sockets_and_long_polls_at_once_and_lets_a_response_finish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front_proxy, "SHUTDOWN_TIMEOUT_S", 60.0)
    port, stopped = free_port(), asyncio.Event()
    async with (
        asyncio.timeout(60),
        _backend("api") as api,
        _backend("realtime") as realtime,
        aiohttp.ClientSession() as http,
    ):
        app = await make_app(Backends(str(api.make_url("")), str(realtime.make_url(""))))
        serving = asyncio.create_task(front_proxy.serve(app, port, stopped))
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                await (await http.get(f"{url}/front/livez")).read()
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
        socket = await http.ws_connect(f"{url}/socket.io/?sid=1")
        poll = await http.get(f"{url}/api/simulator/contacts/1/inbox?answer=slow&wait=20")
        answer = await http.get(f"{url}/api/send?answer=slow")
        stopped.set()
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
        with pytest.raises(aiohttp.ClientError):
            await poll.read()
        assert not serving.done()
        api.app[RELEASE].set()
        assert await answer.read() == b"firstsecond"
        await socket.close()
        await serving
