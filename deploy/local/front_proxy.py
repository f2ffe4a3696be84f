"""One origin for browsers: `/socket.io/*` goes to realtime, everything else to the api.

With several realtime services a session stays with the one that opened it. Bodies are streamed both ways and never
held; production uses the usual front server (deploy/Caddyfile) instead.
"""

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from deploy.local.front_guard import HEADERS_TIMEOUT_S, FirstRequests, max_client_message, problem, refusal
from deploy.local.front_streams import Lasting, pump_both
from deploy.local.sticky_replicas import Replicas

MAX_EVENT, MAX_LINE = 4_000_000, 16_384
"""Bytes a service may send at once over a WebSocket (a browser may send fewer), and bytes of a request line."""
CONNECT_LIMIT, IDLE_LIMIT = 5.0, 120.0
"""Seconds until a backend accepts, and between two pieces of an answer (a long poll of Socket.IO takes 45)."""
_STALLED = web.RequestKey("stalled", bool)
SHUTDOWN_S = 1.0
"""Seconds an answer may still take after the request to stop."""
BODY_LIMIT = 30.0
"""Seconds between two pieces of a client's body."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "forwarded", "x-real-ip"}
)
"""Headers that are not passed on: those of this connection, and what a client may say of its own address."""


class Backends:
    """Base addresses; of realtime one or several."""

    def __init__(self, api: str, *realtime: str) -> None:
        self._api, self.replicas = api, Replicas(list(realtime))

    def of(self, request: web.BaseRequest) -> tuple[str, str]:
        """Name and base address of the service this request is for."""
        if request.path == "/socket.io" or request.path.startswith("/socket.io/"):
            return "realtime", self.replicas.of(request.query.get("sid"))
        return "api", self._api


def forwarded_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """The request's headers without those of this hop, plus where it came from."""
    named = {part.strip().lower() for part in request.headers.get("Connection", "").split(",")}
    kept = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP | named)
    kept.setdefault("Accept-Encoding", "identity")  # else aiohttp asks for compressed answers
    kept["X-Forwarded-For"] = request.remote or ""  # whatever the client says
    kept["X-Forwarded-Proto"] = request.scheme
    kept["X-Forwarded-Host"] = request.host
    return kept


class Front:
    """Handles every request of the origin."""

    def __init__(self, backends: Backends, session: aiohttp.ClientSession) -> None:
        self._backends, self._session = backends, session

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if refused := refusal(request):
            return refused
        if request.path == "/front/livez":
            return web.json_response({"status": "ok"})
        name, base = self._backends.of(request)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._websocket(request, base.replace("http", "ws", 1) + request.raw_path)
            opens = name == "realtime" and "sid" not in request.query
            return await self._http(request, base, opens)
        except (aiohttp.ClientConnectionError, TimeoutError):
            return _stalled() if request.get(_STALLED) else _away(name)

    async def _http(self, request: web.Request, base: str, opens: bool) -> web.StreamResponse:
        body = _pieces(request) if request.can_read_body else None
        async with self._session.request(
            request.method,
            _url(base + request.raw_path),
            headers=forwarded_headers(request),
            data=body,
            allow_redirects=False,
        ) as answer:
            headers = CIMultiDict((k, v) for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP)
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    if opens:
                        self._backends.replicas.learn(piece, base)
                    await response.write(piece)
                await response.write_eof()
            except (aiohttp.ClientError, TimeoutError, ConnectionResetError):
                response.force_close()
                if request.transport:  # the answer has begun: only a broken connection tells that it is not complete
                    request.transport.abort()
            return response

    async def _websocket(self, request: web.Request, target: str) -> web.StreamResponse:
        headers = forwarded_headers(request)
        for name in [name for name in headers if name.lower().startswith("sec-websocket")]:
            del headers[name]
        async with self._session.ws_connect(
            _url(target), headers=headers, max_msg_size=MAX_EVENT, autoclose=False, autoping=False
        ) as backend:
            # not compressed: some clients (Node.js 20) lose compressed messages that arrive together with the close
            browser = web.WebSocketResponse(
                max_msg_size=max_client_message(), autoclose=False, autoping=False, compress=False
            )
            await browser.prepare(request)
            await pump_both(browser, backend)
            return browser


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises TimeoutError when the client stops sending."""
    while True:
        try:
            async with asyncio.timeout(BODY_LIMIT):
                piece = await request.content.readany()
        except TimeoutError:
            request[_STALLED] = True
            raise
        if not piece:
            return
        yield piece


def _url(target: str) -> URL:
    return URL(target, encoded=True)


def _stalled() -> web.Response:
    answer = problem(408, "Request Timeout", "request_timeout", "the body stopped arriving; send the request again")
    answer.force_close()
    return answer


def _away(name: str) -> web.Response:
    detail = f"the {name} service does not answer; it is being started again, try in a moment"
    answer = problem(502, "Bad Gateway", "backend_unavailable", detail)
    answer.headers["Retry-After"] = "2"
    return answer


ARRIVED = web.AppKey("arrived", list[Callable[[web.BaseRequest], None]])
"""Told of every request whose head is complete."""


@web.middleware
async def _tell_arrival(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    for tell in request.app[ARRIVED]:
        tell(request)
    return await handler(request)


async def make_app(backends: Backends) -> web.Application:
    """An application whose client session lives as long as it does."""
    app = web.Application(middlewares=[_tell_arrival])
    app[ARRIVED] = []
    lasting = Lasting()
    app.on_shutdown.append(lasting.end)
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT, sock_read=IDLE_LIMIT)

    async def client(_: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=limits, auto_decompress=False, trust_env=False
        ) as session:
            front = Front(backends, session)
            app.router.add_route("*", "/{path:.*}", partial(lasting.run, front.handle))
            yield

    app.cleanup_ctx.append(client)
    return app


async def serve(app: web.Application, port: int, stopped: asyncio.Event, timeout_s: float = HEADERS_TIMEOUT_S) -> None:
    """On loopback until `stopped`."""
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_S, lingering_time=1.0, max_line_size=MAX_LINE
    )
    await runner.setup()
    try:
        assert runner.server is not None
        first = FirstRequests(runner.server, timeout_s)
        app[ARRIVED].append(first.arrived)
        loop = asyncio.get_running_loop()
        async with await loop.create_server(first, "127.0.0.1", port, reuse_address=True, backlog=128):
            await stopped.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="front", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--realtime", required=True, nargs="+")
    arguments = parser.parse_args()

    async def run() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await serve(await make_app(Backends(arguments.api, *arguments.realtime)), arguments.port, stopped)

    asyncio.run(run())


if __name__ == "__main__":
    main()
