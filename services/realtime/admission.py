"""ASGI middleware in front of Engine.IO: limits new connections, and validates and bounds frames and request bodies.

Only valid ones reach the library, so that nothing a client sends raises inside it.
"""

import asyncio
import json
import time
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.realtime.client_error_log import ClientErrorLog
from services.realtime.connection_registry import SocketConnection
from services.realtime.packet_parser import UnreadablePacketError, check_frame, check_payload
from services.realtime.transport import Transport
from shared.contracts.errors import Problem
from shared.web.bounded_websocket import abort_function
from shared.web.client_addresses import network_of

BODY_TIMEOUT_S = 20.0
"""For a client to send the body of a polling POST."""
DISCONNECT_MESSAGE: Message = {"type": "websocket.disconnect", "code": 1002}


class AdmissionMiddleware:
    """For `/socket.io/`. `max_bytes`: of a frame or of a body."""

    def __init__(self, app: ASGIApp, transport: Transport, error_log: ClientErrorLog, max_bytes: int) -> None:
        self._app = app
        self._transport = transport
        self._error_log = error_log
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["socket_address"] = address = network_of((scope.get("client") or ("", 0))[0])
        connection = self._connection(scope)
        response_started = False

        async def send_response(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            if connection is None:
                await self._require_admission(scope, address)
            await self._handle(connection, scope, receive, send_response)
        except Problem as problem:
            await _respond(scope, receive, send, problem)
        except Exception as error:
            self._error_log.warn("failed", address, f"a request to Engine.IO failed: {type(error).__name__}")
            if not response_started:
                unreadable = Problem(400, "unreadable", "this is no request of an Engine.IO client")
                await _respond(scope, receive, send, unreadable)

    def _connection(self, scope: Scope) -> SocketConnection | None:
        return self._transport.connections.get(_session_id(scope))

    async def _require_admission(self, scope: Scope, address: str) -> None:
        """Returns when a connection may be opened from this address. Raises Problem. A browser's preflight (OPTIONS)
        opens none."""
        if _session_id(scope):
            raise Problem(400, "unknown_session", "there is no such session; connect again")
        if scope.get("method", "GET") == "OPTIONS":
            return
        try:
            self._transport.connections.require_capacity(address)
            await self._transport.handshakes.wait_turn(address)
            self._transport.connections.require_capacity(address)  # others were opened while this one waited
        except Problem as problem:
            self._error_log.warn("refused", address, problem.detail)
            raise

    async def _handle(self, connection: SocketConnection | None, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if connection:
                connection.abort = abort_function(scope)
            await self._app(scope, self._checked_frames(connection, scope, receive), send)
        elif scope["method"] == "POST" and connection is not None:
            await self._app(scope, await self._checked_body(connection, scope, receive), send)
        else:
            await self._app(scope, receive, send)

    def _checked_frames(self, upgrading: SocketConnection | None, scope: Scope, receive: Receive) -> Receive:
        """`upgrading`: the polling connection that changes to WebSocket; the transport puts a new one into `scope`."""

        async def checked() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            connection = upgrading or scope.get("socket_connection")
            frame = message.get("text")
            try:
                check_frame(frame if frame is not None else message.get("bytes"))
            except UnreadablePacketError as error:
                if connection:
                    self._transport.close_unreadable(connection, error)
                return DISCONNECT_MESSAGE
            if connection:
                await _pace(connection, 1)
                if connection.closing:
                    return DISCONNECT_MESSAGE
            return message

        return checked

    async def _checked_body(self, connection: SocketConnection, scope: Scope, receive: Receive) -> Receive:
        """A `receive` that returns the whole body, validated, as one message. Raises Problem."""
        if connection.closing:
            raise Problem(400, "unknown_session", "there is no such session; connect again")
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _read_body(receive, self._max_bytes)
        if body is None:
            self._transport.close_unreadable(connection, UnreadablePacketError("a body over the payload limit"))
            raise Problem(413, "body_too_large", f"a client may send at most {self._max_bytes} bytes at once")
        try:
            packets = check_payload(body)
        except UnreadablePacketError as error:
            self._transport.close_unreadable(connection, error)
            raise Problem(400, "unreadable", str(error)) from error
        await _pace(connection, packets)
        others = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        scope["headers"] = [*others, (b"content-length", str(len(body)).encode())]
        return _replay_body({"type": "http.request", "body": body, "more_body": False}, receive)


def _session_id(scope: Scope) -> str:
    text: str = scope.get("query_string", b"").decode("latin-1")
    return parse_qs(text).get("sid", [""])[0]


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """None when it is longer than `limit` bytes or the client disconnected."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replay_body(message: Message, receive: Receive) -> Receive:
    first: list[Message] = [message]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


async def _pace(connection: SocketConnection, packets: int) -> None:
    """Read no faster than the client may send: the rest stays in its TCP connection."""
    for _ in range(packets):
        wait = connection.packet_bucket.take(time.monotonic())
        while wait:
            await asyncio.sleep(wait)
            wait = connection.packet_bucket.take(time.monotonic())


async def _respond(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    body = {"code": problem.code, "message": problem.detail}
    response: Response = JSONResponse(body, status_code=problem.status)
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": json.dumps(body).encode()})
