"""Long-lived requests of the front server: WebSockets and long polls, which last until one side ends them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

CLOSE_TIMEOUT_S = 1.0
"""For the close frames of the sockets."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_long_lived(request: web.BaseRequest) -> bool:
    """True for a request that waits for an event: cancelling it loses nothing."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return True
    return request.method == "GET" and ("wait" in request.query or request.path.startswith("/socket.io/"))


class LongLivedRequests:
    """Cancels all long-lived requests when the server stops, instead of waiting until their clients close them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()

    async def run(self, handler: _Handler, request: web.Request) -> web.StreamResponse:
        """Handles a long-lived request in a task that `cancel_all` can cancel, which closes the connection."""
        if not is_long_lived(request):
            return await handler(request)
        task = asyncio.ensure_future(handler(request))
        self._tasks.add(task)
        try:
            return await task
        finally:
            task.cancel()  # the client is gone
            self._tasks.discard(task)

    async def cancel_all(self, _: web.Application) -> None:
        """A handler for aiohttp's `on_shutdown`."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT_S)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def relay_both(one: Socket, other: Socket) -> None:
    """Passes messages both ways until one socket ends, then closes both."""
    relays = {asyncio.create_task(_relay(one, other)), asyncio.create_task(_relay(other, one))}
    try:
        await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
        for socket in (one, other):
            with suppress(ConnectionError, RuntimeError):
                await socket.close()


async def _relay(source: Socket, sink: Socket) -> None:
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
    closing_types = {
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSING,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.ERROR,
    }
    while (message := await source.receive()).type not in closing_types:
        yield message
