"""Socket.IO over Engine.IO as this service speaks it: one namespace, no binary data, nothing that is not asked for.

The library keeps the handlers of a connection's life and those of a client's events in one table, so an event named
`disconnect` would run the former. Here client events never reach that table: they are handed to `requested`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import engineio
import socketio
from socketio.async_manager import eio_packet

from services.realtime.backlog import PacketQueue
from services.realtime.connections import Connection, Connections
from services.realtime.notes import Notes
from services.realtime.protocol import (
    ACK,
    CONNECT,
    DISCONNECT,
    EVENT,
    NAMESPACE,
    Packet,
    UnreadableError,
    parse_packet,
)
from services.realtime.settings import RealtimeSettings
from shared.errors import Problem

MAX_ATTEMPTS = 3
"""CONNECT packets one transport may send; a client of Socket.IO needs one."""
_FLUSH = 1.0
"""Seconds a polling client has to fetch the last packets."""
_CONNECT_ERROR = 4


@dataclass(frozen=True)
class Hooks:
    """What the service does with connections. `logged_in` raises Problem; `requested` gives the acknowledgement."""

    logged_in: Callable[[Connection, str, Any], Awaitable[None]]
    requested: Callable[[Connection, str, list[Any]], Awaitable[Any]]
    left: Callable[[Connection], Awaitable[None]]
    overfull: Callable[[Connection], None]
    """It asks and does not read the answers."""


class _Engine(engineio.AsyncServer):  # type: ignore[misc]
    def create_queue(self, *_: Any, **__: Any) -> PacketQueue:
        return PacketQueue()


class Transport(socketio.AsyncServer):  # type: ignore[misc]
    """Transports of clients that have not logged in for `socket_login_time` seconds are closed."""

    def __init__(self, settings: RealtimeSettings, connections: Connections, hooks: Hooks, notes: Notes) -> None:
        super().__init__(
            async_mode="asgi", logger=notes.library, engineio_logger=notes.library,
            cors_allowed_origins=settings.cors_origins or None, max_http_buffer_size=settings.socket_payload_limit,
            ping_interval=20, ping_timeout=20,
        )  # fmt: skip
        self.connections, self._hooks, self._notes = connections, hooks, notes
        self._open_for, self._answers_limit = settings.socket_login_time, settings.socket_backlog_bytes
        self._tasks = set[asyncio.Task[None]]()

    def _engineio_server_class(self) -> type:
        return _Engine

    # --- one connection

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> str | None:
        try:
            connection = self.connections.open(eio_sid, environ["asgi.scope"]["socket_address"])
        except Problem as problem:
            return problem.detail
        environ["asgi.scope"]["socket_connection"] = connection
        await super()._handle_eio_connect(eio_sid, environ)
        asyncio.get_running_loop().call_later(self._open_for, self._require_login, connection)
        return None

    def _require_login(self, connection: Connection) -> None:
        """One that is checked just now is let in or closed by that."""
        if connection.closed or connection.sid or connection.logging_in:
            return
        self._notes.warn("idle", connection.address, "a socket that does not log in is closed")
        self.start_closing(connection)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self.environ.pop(eio_sid, None)
        if connection := self.connections.of(eio_sid):
            connection.closing = True
            await self._leave(connection)
            connection.closed = True
            self.connections.close(connection)

    async def _leave(self, connection: Connection) -> None:
        if connection.sid and not connection.left:
            connection.left = True
            await self.manager.disconnect(connection.sid, NAMESPACE, ignore_queue=True)
            await self._hooks.left(connection)
        self.connections.log_out(connection)

    def start_closing(self, connection: Connection, packets: Sequence[Any] = (), discard: bool = False) -> None:
        """Like `close`, in a task of its own; from now on the client is neither heard nor told anything else."""
        if connection.closing:
            return
        connection.closing = True
        self.start(self._close(connection, packets, discard))

    async def close(self, connection: Connection, packets: Sequence[Any] = (), discard: bool = False) -> None:
        """End the transport behind these packets. `discard`: without what else waits for the client."""
        if not connection.closing:
            connection.closing = True
            await self._close(connection, packets, discard)

    async def _close(self, connection: Connection, packets: Sequence[Any], discard: bool) -> None:
        socket = self.eio.sockets.get(connection.id)
        queue = socket.queue if socket and not socket.closed else PacketQueue()
        if discard:
            queue.clear()
        for packet in packets:
            queue.put_nowait(packet)
        if socket and not socket.upgraded:
            await _fetched(queue)
        queue.put_nowait(eio_packet.Packet(eio_packet.CLOSE))
        queue.put_nowait(None)  # the writer ends behind it
        if socket:
            await socket.close(wait=False, abort=True, reason=self.reason.SERVER_DISCONNECT)
        await self._leave(connection)
        connection.closed = True
        self.connections.close(connection)

    def start(self, work: Any) -> None:
        """A task that is kept until it is done, and whose failure is written down."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._notes.failed("a socket's task failed", error)

    # --- what clients are sent

    def goodbye(self) -> Any:
        """Tells a client that it need not connect again by itself."""
        packet = self.packet_class(DISCONNECT, namespace=NAMESPACE)
        return eio_packet.Packet(eio_packet.MESSAGE, packet.encode())

    def queue_of(self, connection: Connection, gone: bool = False) -> PacketQueue | None:
        """What waits to be written to it; None when it is gone, unless asked for by `gone`."""
        socket = self.eio.sockets.get(connection.id)
        if socket is None or (not gone and (socket.closing or socket.closed)):
            return None
        queue: PacketQueue = socket.queue
        return queue

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        await self._send_eio_packet(eio_sid, eio_packet.Packet(eio_packet.MESSAGE, pkt.encode()))

    async def _send_eio_packet(self, eio_sid: str, eio_pkt: Any) -> None:
        """Answers, which no backlog holds back: who asks and does not read them is dropped."""
        connection = self.connections.of(eio_sid)
        queue = self.queue_of(connection) if connection else None
        if connection is None or queue is None or connection.closing:
            return
        if queue.bytes > self._answers_limit:
            self._hooks.overfull(connection)
        else:
            queue.put_nowait(eio_pkt)

    # --- what clients send

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        connection = self.connections.of(eio_sid)
        if connection is None or connection.closing:
            return
        try:
            packet = parse_packet(data)
        except UnreadableError as error:
            self.refuse(connection, error)
            return
        if packet.kind == CONNECT:
            await self._log_in(connection, packet)
        elif packet.namespace != NAMESPACE or not connection.sid:
            return  # there is nothing else, and nobody is there yet
        elif packet.kind == DISCONNECT:
            await self.close(connection)
        elif packet.kind == EVENT:  # the fourth kind acknowledges an event, which is never asked for
            self.start(self._answer(connection, packet))

    def refuse(self, connection: Connection, error: UnreadableError) -> None:
        """The transport ends with its first unreadable packet."""
        self._notes.warn("unreadable", connection.address, f"a socket is closed, it sent what cannot be read: {error}")
        self.start_closing(connection)

    async def _log_in(self, connection: Connection, packet: Packet) -> None:
        connection.attempts += 1
        sid = None
        if packet.namespace == NAMESPACE and not connection.sid and not connection.logging_in:
            sid = await self.manager.pre_connect(connection.id, NAMESPACE)
        if sid is None:
            await self._refuse_login(connection, packet.namespace, "Unable to connect")
            return
        connection.logging_in = True
        try:
            await self._hooks.logged_in(connection, sid, packet.data)
        except Problem as problem:
            await self.manager.disconnect(sid, NAMESPACE, ignore_queue=True)
            data = {"message": problem.detail, "data": {"code": problem.code, "status": problem.status}}
            await self._refuse_login(connection, NAMESPACE, data)
            return
        finally:
            connection.logging_in = False
        if connection.closed:  # it went away while it was checked
            await self._leave(connection)
            return
        self.environ.pop(connection.id, None)
        await self._send_packet(connection.id, self.packet_class(CONNECT, {"sid": sid}, namespace=NAMESPACE))
        await self.manager.connect(sid, NAMESPACE)

    async def _refuse_login(self, connection: Connection, namespace: str, data: Any) -> None:
        """A client may try again, but not for long."""
        answer = self.packet_class(_CONNECT_ERROR, data=data, namespace=namespace)
        packet = eio_packet.Packet(eio_packet.MESSAGE, answer.encode())
        late = time.monotonic() - connection.opened >= self._open_for
        if connection.attempts >= MAX_ATTEMPTS or (late and not connection.sid):
            await self.close(connection, [packet])
        else:
            await self._send_eio_packet(connection.id, packet)

    async def _answer(self, connection: Connection, packet: Packet) -> None:
        name, *arguments = packet.data
        answer = await self._hooks.requested(connection, name, arguments)
        if packet.id is None or answer is None or connection.closing:
            return
        await self._send_packet(connection.id, self.packet_class(ACK, namespace=NAMESPACE, id=packet.id, data=[answer]))


async def _fetched(queue: PacketQueue) -> None:
    """The client fetched everything, or took too long."""
    waited = 0.0
    while not queue.empty() and waited < _FLUSH:
        await asyncio.sleep(0.02)
        waited += 0.02
