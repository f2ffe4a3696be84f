"""One origin for browsers: `/socket.io/*` goes to realtime, everything else to the api.

With several realtime services a Socket.IO session stays with the one that opened it. Bodies are streamed both ways
and not buffered. Production uses Caddy instead (deploy/Caddyfile).
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

from deploy.local.front_guard import (
    HEADERS_TIMEOUT_S,
    RequestHeadTimeouts,
    max_client_message_bytes,
    problem_response,
    rejection,
)
from deploy.local.front_streams import LongLivedRequests, relay_both
from deploy.local.sticky_replicas import StickyReplicas

MAX_EVENT_BYTES, MAX_REQUEST_LINE_BYTES = 4_000_000, 16_384
"""The largest WebSocket message of a service (a browser may send less), and the longest request line."""
CONNECT_TIMEOUT_S, IDLE_TIMEOUT_S = 5.0, 120.0
"""Until a backend accepts a connection; between two chunks of a response (a long poll of Socket.IO takes 45 s)."""
_BODY_STALLED = web.RequestKey("stalled", bool)
SHUTDOWN_TIMEOUT_S = 1.0
"""Time that responses in progress get after the request to stop."""
BODY_IDLE_TIMEOUT_S = 30.0
"""Between two chunks of a client's body."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "forwarded", "x-real-ip"}
)
"""Headers that are not passed on: those of this connection, and those in which a client claims its own address."""


class Backends:
    """The base URLs of the api and of one or several realtime services."""

    def __init__(self, api: str, *realtime: str) -> None:
        self._api, self.replicas = api, StickyReplicas(list(realtime))

    def route(self, request: web.BaseRequest) -> tuple[str, str]:
        """The name and base URL of the service for this request."""
        if request.path == "/socket.io" or request.path.startswith("/socket.io/"):
            return "realtime", self.replicas.url_for(request.query.get("sid"))
        return "api", self._api


def forwarded_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """The request's headers without the hop-by-hop ones, with X-Forwarded-* of this connection."""
    named = {part.strip().lower() for part in request.headers.get("Connection", "").split(",")}
    headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP | named)
    headers.setdefault("Accept-Encoding", "identity")  # else aiohttp asks for compressed answers
    headers["X-Forwarded-For"] = request.remote or ""  # replaces what the client sent
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    return headers


class FrontProxy:
    """Handles every request."""

    def __init__(self, backends: Backends, session: aiohttp.ClientSession) -> None:
        self._backends, self._session = backends, session

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if rejected := rejection(request):
            return rejected
        if request.path == "/front/livez":
            return web.json_response({"status": "ok"})
        name, base = self._backends.route(request)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._websocket(request, base.replace("http", "ws", 1) + request.raw_path)
            opens = name == "realtime" and "sid" not in request.query
            return await self._http(request, base, opens)
        except (aiohttp.ClientConnectionError, TimeoutError):
            return _body_timeout() if request.get(_BODY_STALLED) else _backend_unreachable(name)

    async def _http(self, request: web.Request, base: str, opens: bool) -> web.StreamResponse:
        body = _body_chunks(request) if request.can_read_body else None
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
                async for chunk in answer.content.iter_any():
                    if opens:
                        self._backends.replicas.remember_session(chunk, base)
                    await response.write(chunk)
                await response.write_eof()
            except (aiohttp.ClientError, TimeoutError, ConnectionResetError):
                response.force_close()
                if request.transport:  # the response has begun: only a reset shows the client that it is incomplete
                    request.transport.abort()
            return response

    async def _websocket(self, request: web.Request, target: str) -> web.StreamResponse:
        headers = forwarded_headers(request)
        for name in [name for name in headers if name.lower().startswith("sec-websocket")]:
            del headers[name]
        async with self._session.ws_connect(
            _url(target), headers=headers, max_msg_size=MAX_EVENT_BYTES, autoclose=False, autoping=False
        ) as backend:
            # not compressed: some clients (Node.js 20) lose compressed messages that arrive together with the close
            browser = web.WebSocketResponse(
                max_msg_size=max_client_message_bytes(), autoclose=False, autoping=False, compress=False
            )
            await browser.prepare(request)
            await relay_both(browser, backend)
            return browser


async def _body_chunks(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises TimeoutError when the client stops sending."""
    while True:
        try:
            async with asyncio.timeout(BODY_IDLE_TIMEOUT_S):
                chunk = await request.content.readany()
        except TimeoutError:
            request[_BODY_STALLED] = True
            raise
        if not chunk:
            return
        yield chunk


def _url(target: str) -> URL:
    return URL(target, encoded=True)


def _body_timeout() -> web.Response:
    answer = problem_response(
        408, "Request Timeout", "request_timeout", "the body stopped arriving; send the request again"
    )
    answer.force_close()
    return answer


def _backend_unreachable(name: str) -> web.Response:
    detail = f"the {name} service does not answer; it is being started again, try in a moment"
    answer = problem_response(502, "Bad Gateway", "backend_unavailable", detail)
    answer.headers["Retry-After"] = "2"
    return answer


REQUEST_LISTENERS = web.AppKey("arrived", list[Callable[[web.BaseRequest], None]])
"""Called with every request whose head is complete."""


@web.middleware
async def _notify_listeners(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    for listener in request.app[REQUEST_LISTENERS]:
        listener(request)
    return await handler(request)


async def make_app(backends: Backends) -> web.Application:
    """The application; its HTTP client session opens and closes with it."""
    app = web.Application(middlewares=[_notify_listeners])
    app[REQUEST_LISTENERS] = []
    long_lived = LongLivedRequests()
    app.on_shutdown.append(long_lived.cancel_all)
    timeouts = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=IDLE_TIMEOUT_S)

    async def client(_: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=timeouts, auto_decompress=False, trust_env=False
        ) as session:
            front = FrontProxy(backends, session)
            app.router.add_route("*", "/{path:.*}", partial(long_lived.run, front.handle))
            yield

    app.cleanup_ctx.append(client)
    return app


async def serve(app: web.Application, port: int, stopped: asyncio.Event, timeout_s: float = HEADERS_TIMEOUT_S) -> None:
    """Serves on loopback until `stopped` is set."""
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        lingering_time=1.0,
        max_line_size=MAX_REQUEST_LINE_BYTES,
    )
    await runner.setup()
    try:
        assert runner.server is not None
        head_timeouts = RequestHeadTimeouts(runner.server, timeout_s)
        app[REQUEST_LISTENERS].append(head_timeouts.on_request)
        loop = asyncio.get_running_loop()
        async with await loop.create_server(head_timeouts, "127.0.0.1", port, reuse_address=True, backlog=128):
            await stopped.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serves until SIGTERM or Ctrl-C."""
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
