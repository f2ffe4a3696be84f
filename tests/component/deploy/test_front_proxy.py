"""The front door on real sockets, with two small backends."""

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
    """What arrived; query `answer` chooses another behaviour."""
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
    seen = {"name": request.app[NAME], "method": request.method, "path": request.raw_path, "size": len(body)}
    return web.json_response(seen | {"headers": {key.lower(): value for key, value in request.headers.items()}})


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
class Door:
    """url: the one origin."""

    url: str
    http: aiohttp.ClientSession
    api: TestServer
    realtime: TestServer


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with _backend("api") as api, _backend("realtime") as realtime:
        backends = Backends(f"http://127.0.0.1:{api.port}", f"http://127.0.0.1:{realtime.port}")
        async with TestServer(await make_app(backends)) as front, aiohttp.ClientSession() as http:
            yield Door(f"http://127.0.0.1:{front.port}", http, api, realtime)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "api"), ("/api/contacts?x=%2F", "api"), ("/socket.io/?EIO=4", "realtime"), ("/socket.iox", "api")],
)
async def test_paths_go_to_their_service_unchanged(door: Door, path: str, name: str) -> None:
    async with door.http.post(URL(door.url + path, encoded=True), data=b"1234") as answer:
        seen = await answer.json()
    assert (seen["name"], seen["path"], seen["method"], seen["size"]) == (name, path, "POST", 4)


async def test_a_client_cannot_pretend_to_be_another_address(door: Door) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer t", "Connection": "x-secret", "X-Secret": "1"}
    async with door.http.get(door.url, headers=headers) as answer:
        seen = (await answer.json())["headers"]
    assert (seen["x-forwarded-for"], seen["authorization"]) == ("127.0.0.1", "Bearer t")
    assert "x-secret" not in seen


async def test_large_bodies_pass_both_ways(door: Door) -> None:
    async with door.http.put(f"{door.url}/upload", data=b"y" * BIG) as answer:
        assert (await answer.json())["size"] == BIG
    async with door.http.get(f"{door.url}/?answer=big") as answer:
        assert len(await answer.read()) == BIG


async def test_an_answer_is_passed_on_while_it_is_still_written(door: Door) -> None:
    async with door.http.get(f"{door.url}/?answer=slow") as answer:
        assert await answer.content.readany() == b"first"
        door.api.app[RELEASE].set()
        assert await answer.read() == b"second"


async def test_redirects_are_the_browsers_business(door: Door) -> None:
    async with door.http.get(f"{door.url}/?answer=moved", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_a_broken_answer_does_not_look_complete(door: Door) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with door.http.get(f"{door.url}/?answer=broken") as answer:
            await answer.read()


async def test_websockets_reach_realtime_and_close_with_its_code(door: Door) -> None:
    async with door.http.ws_connect(f"{door.url}/socket.io/?transport=websocket") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "realtime: hello"
        await socket.send_bytes(b"\0\1")
        assert await socket.receive_bytes() == b"\0\1"
        await socket.send_str("bye")
        assert (await socket.receive()).type is WSMsgType.CLOSE
        assert socket.close_code == 4001


async def test_a_browser_that_leaves_is_gone_for_realtime_too(door: Door) -> None:
    async with door.http.ws_connect(f"{door.url}/socket.io/?transport=websocket"):
        pass
    await asyncio.wait_for(door.realtime.app[RELEASE].wait(), 20)


async def test_a_service_that_is_away_is_a_502_that_names_it() -> None:
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


async def test_a_stop_ends_sockets_and_long_polls_at_once_and_lets_an_answer_finish(
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
