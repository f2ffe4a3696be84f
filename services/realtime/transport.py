"""Engine.IO connections: opened, closed unless their client logs in within a few seconds, written to, closed."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass

import engineio
import socketio
from socketio.async_manager import eio_packet
from socketio.packet import Packet

from services.realtime.allowed_origins import Environ, allowed_origins
from services.realtime.backlog import EnginePacket, PacketQueue
from services.realtime.client_error_log import ClientErrorLog
from services.realtime.connection_registry import ConnectionRegistry, SocketConnection
from services.realtime.handshake_queue import HandshakeQueue
from services.realtime.packet_parser import DISCONNECT, NAMESPACE, UnreadablePacketError
from services.realtime.payloads import Payload
from services.realtime.settings import RealtimeSettings
from shared.contracts.errors import Problem
from shared.platform.background import FAILURES, start_awaited
from shared.web.bounded_websocket import abort_function

POLLING_FLUSH_TIMEOUT_S = 1.0
"""For a polling client to fetch the last packets."""
FLUSH_POLL_INTERVAL_S = 0.02
ABORT_DELAY_S = 5.0
"""Then the TCP connection of a closed socket is broken, if its client did not close it."""


@dataclass(frozen=True)
class ConnectionHooks:
    """What the service does with connections. `on_login` may raise Problem; `on_connected` is called after the client
    was told that it is connected; `on_request` returns the acknowledgement."""

    on_login: Callable[[SocketConnection, str, object], Awaitable[None]]
    on_connected: Callable[[SocketConnection], Coroutine[object, object, None]]
    on_request: Callable[[SocketConnection, str, list[object]], Awaitable[Payload | None]]
    on_disconnect: Callable[[SocketConnection], Awaitable[None]]
    is_overfull: Callable[[SocketConnection, PacketQueue], bool]
    """Whether the client does not read the replies to its requests; then it is dropped."""


class _EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    def create_queue(self, *_: object, **__: object) -> PacketQueue:
        return PacketQueue()


class Transport(socketio.AsyncServer):  # type: ignore[misc]
    """Connections whose clients do not log in within `socket_login_time` seconds are closed."""

    def __init__(
        self,
        settings: RealtimeSettings,
        connections: ConnectionRegistry,
        hooks: ConnectionHooks,
        error_log: ClientErrorLog,
    ) -> None:
        super().__init__(
            async_mode="asgi",
            logger=error_log.library_logger,
            engineio_logger=error_log.library_logger,
            cors_allowed_origins=allowed_origins(settings.cors_origins),
            max_http_buffer_size=settings.socket_payload_limit,
            ping_interval=20,
            ping_timeout=20,
            http_compression=False,  # a response may hold a pairing code beside text that a stranger chose
        )
        self.connections = connections
        self._hooks = hooks
        self._error_log = error_log
        self.handshakes = HandshakeQueue()
        self._login_timeout_s = settings.socket_login_time
        self._tasks = set[asyncio.Task[None]]()

    def _engineio_server_class(self) -> type:
        return _EngineServer

    # --- one connection

    async def _handle_eio_connect(self, eio_sid: str, environ: Environ) -> str | None:
        try:
            connection = self.connections.open(eio_sid, environ["asgi.scope"]["socket_address"])
        except Problem as problem:
            return problem.detail
        environ["asgi.scope"]["socket_connection"] = connection
        connection.abort = abort_function(environ["asgi.scope"])
        await super()._handle_eio_connect(eio_sid, environ)
        asyncio.get_running_loop().call_later(self._login_timeout_s, self._close_without_login, connection)
        return None

    def _close_without_login(self, connection: SocketConnection) -> None:
        """A login under way decides by itself whether the connection stays."""
        if connection.closed or connection.sid or connection.logging_in:
            return
        self._error_log.warn("idle", connection.address, "a socket that does not log in is closed")
        self.start_closing(connection)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self.environ.pop(eio_sid, None)
        if connection := self.connections.get(eio_sid):
            connection.closing = True
            if queue := self.queue_of(connection, include_closing=True):
                queue.put_nowait(None)
            await self._log_out(connection)
            connection.closed = True
            self.connections.close(connection)

    async def _log_out(self, connection: SocketConnection) -> None:
        if connection.logging_in:
            return  # the login calls this again when it ends
        if connection.sid and not connection.disconnect_handled:
            connection.disconnect_handled = True
            await self.manager.disconnect(connection.sid, NAMESPACE, ignore_queue=True)
            await self._hooks.on_disconnect(connection)
        self.connections.log_out(connection)

    def start_closing(
        self, connection: SocketConnection, packets: Sequence[EnginePacket] = (), discard: bool = False
    ) -> None:
        """Like `close`, in a background task; from now on nothing more is read from the client or sent to it."""
        if connection.closing:
            return
        connection.closing = True
        self.run_in_background(self._close(connection, packets, discard))

    async def close(
        self, connection: SocketConnection, packets: Sequence[EnginePacket] = (), discard: bool = False
    ) -> None:
        """Close the connection after these packets. `discard`: without the rest of its backlog."""
        if not connection.closing:
            connection.closing = True
            await self._close(connection, packets, discard)

    async def _close(self, connection: SocketConnection, packets: Sequence[EnginePacket], discard: bool) -> None:
        socket = self.eio.sockets.get(connection.id)
        queue = socket.queue if socket and not socket.closed else PacketQueue()
        if discard:
            queue.clear()
        for packet in packets:
            queue.put_nowait(packet)
        if socket and not socket.upgraded:
            await _wait_until_fetched(queue)
        queue.put_nowait(eio_packet.Packet(eio_packet.CLOSE))
        queue.put_nowait(None)  # ends the writer
        if socket:
            await socket.close(wait=False, abort=True, reason=self.reason.SERVER_DISCONNECT)
        await self._log_out(connection)
        connection.closed = True
        self.connections.close(connection)
        if connection.abort:  # by then a client that reads has everything
            asyncio.get_running_loop().call_later(ABORT_DELAY_S, connection.abort)

    def run_in_background(self, work: Coroutine[object, object, None]) -> None:
        """As a task that is referenced until it is done, and whose failure is logged."""
        task = start_awaited("socket", work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            FAILURES.labels("socket").inc()
            self._error_log.log_failure("a socket's task failed", error)

    # --- packets for clients

    def disconnect_packet(self) -> EnginePacket:
        """Tells the client not to reconnect by itself."""
        packet = self.packet_class(DISCONNECT, namespace=NAMESPACE)
        return _message(packet)

    def queue_of(self, connection: SocketConnection, include_closing: bool = False) -> PacketQueue | None:
        """The packets to be written to it; None when it is gone. `include_closing`: also while it is being closed."""
        socket = self.eio.sockets.get(connection.id)
        if socket is None or (not include_closing and (socket.closing or socket.closed)):
            return None
        queue: PacketQueue = socket.queue
        return queue

    async def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
        await self._send_eio_packet(eio_sid, _message(pkt))

    async def _send_eio_packet(self, eio_sid: str, eio_pkt: EnginePacket) -> None:
        """Replies: they do not wait for room in the queue; a client that does not read them is dropped."""
        connection = self.connections.get(eio_sid)
        queue = self.queue_of(connection) if connection else None
        if connection is None or queue is None or connection.closing:
            return
        if not self._hooks.is_overfull(connection, queue):
            queue.put_nowait(eio_pkt)

    def close_unreadable(self, connection: SocketConnection, error: UnreadablePacketError) -> None:
        """The first unreadable packet closes the connection."""
        self._error_log.warn(
            "unreadable", connection.address, f"a socket is closed after an unreadable packet: {error}"
        )
        self.start_closing(connection)


def _message(packet: Packet) -> EnginePacket:
    message: EnginePacket = eio_packet.Packet(eio_packet.MESSAGE, packet.encode())
    return message


async def _wait_until_fetched(queue: PacketQueue) -> None:
    """Returns after POLLING_FLUSH_TIMEOUT_S in any case."""
    waited_s = 0.0
    while not queue.empty() and waited_s < POLLING_FLUSH_TIMEOUT_S:
        await asyncio.sleep(FLUSH_POLL_INTERVAL_S)
        waited_s += FLUSH_POLL_INTERVAL_S
