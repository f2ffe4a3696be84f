"""Long-lived requests of the front server: WebSockets and long polls, which end when client or server closes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

END_LIMIT_S = 1.0
"""For the closing frames of the sockets."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def lasts(request: web.BaseRequest) -> bool:
    """A request that waits for something to happen, so that nothing is lost when it is cut."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return True
    return request.method == "GET" and ("wait" in request.query or request.path.startswith("/socket.io/"))


class Lasting:
    """Cancels all long-lived requests when the server stops, instead of waiting until their clients close them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()

    async def run(self, handler: _Handler, request: web.Request) -> web.StreamResponse:
        """In a task of its own when it lasts. A client whose request was ended finds its connection closed."""
        if not lasts(request):
            return await handler(request)
        task = asyncio.ensure_future(handler(request))
        self._tasks.add(task)
        try:
            return await task
        finally:
            task.cancel()  # the client is gone
            self._tasks.discard(task)

    async def end(self, _: web.Application) -> None:
        """For `on_shutdown`."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.wait(tasks, timeout=END_LIMIT_S)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def pump_both(one: Socket, other: Socket) -> None:
    """Until one of them ends; then both are closed."""
    pumps = {asyncio.create_task(_pump(one, other)), asyncio.create_task(_pump(other, one))}
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for socket in (one, other):
            with suppress(ConnectionError, RuntimeError):
                await socket.close()


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in _messages(source):
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await sink.send_str(message.data)
            case aiohttp.WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            case aiohttp.WSMsgType.PING:
                await sink.ping(message.data)
            case aiohttp.WSMsgType.PONG:
                await sink.pong(message.data)
    await sink.close(code=source.close_code or aiohttp.WSCloseCode.GOING_AWAY)


async def _messages(source: Socket) -> AsyncIterator[aiohttp.WSMessage]:
    ended = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    while (message := await source.receive()).type not in ended:
        yield message
