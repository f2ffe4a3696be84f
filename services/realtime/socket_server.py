"""Socket.IO packets over Engine.IO: one namespace, no binary data, no acknowledgements of events by clients.

The library has the handlers of its own lifecycle events and those of clients' events in one table, so that a client
could run the former with an event named `disconnect`. Here clients' events never reach that table: `on_request` gets
them.
"""

import time

from socketio.async_manager import eio_packet

from services.realtime.connection_registry import SocketConnection
from services.realtime.packet_parser import (
    ACK,
    CONNECT,
    DISCONNECT,
    EVENT,
    NAMESPACE,
    SocketIoPacket,
    UnreadablePacketError,
    parse_packet,
)
from services.realtime.transport import Transport
from shared.contracts.errors import Problem

MAX_CONNECT_PACKETS = 3
"""Of one connection; a Socket.IO client needs one."""
CONNECT_ERROR = 4
"""A packet type that only the server sends."""


class SocketIoServer(Transport):
    """Acts on the packets of clients."""

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        connection = self.connections.get(eio_sid)
        if connection is None or connection.closing:
            return
        try:
            packet = parse_packet(data)
        except UnreadablePacketError as error:
            self.close_unreadable(connection, error)
            return
        if packet.kind == CONNECT:
            await self._log_in(connection, packet)
        elif packet.namespace != NAMESPACE or not connection.sid:
            return  # another namespace, or a client that has not logged in
        elif packet.kind == DISCONNECT:
            await self.close(connection)
        elif packet.kind == EVENT:  # the fourth kind, ACK, is ignored: this service asks for no acknowledgements
            self.run_in_background(self._answer(connection, packet))

    async def _log_in(self, connection: SocketConnection, packet: SocketIoPacket) -> None:
        connection.connect_packets += 1
        sid = None
        if packet.namespace == NAMESPACE and not connection.sid and not connection.logging_in:
            sid = await self.manager.pre_connect(connection.id, NAMESPACE)
        if sid is None:
            await self._refuse_login(connection, packet.namespace, "Unable to connect")
            return
        connection.logging_in = True
        try:
            await self._hooks.on_login(connection, sid, packet.data)
        except Problem as problem:
            await self.manager.disconnect(sid, NAMESPACE, ignore_queue=True)
            data = {"message": problem.detail, "data": {"code": problem.code, "status": problem.status}}
            await self._refuse_login(connection, NAMESPACE, data)
            return
        finally:
            connection.logging_in = False
        if connection.closing:  # it was closed during the login
            await self._log_out(connection)
            return
        self.environ.pop(connection.id, None)
        ids = {"sid": sid, "pid": connection.pid}
        await self._send_packet(connection.id, self.packet_class(CONNECT, ids, namespace=NAMESPACE))
        await self.manager.connect(sid, NAMESPACE)
        self.run_in_background(self._hooks.on_connected(connection))

    async def _refuse_login(self, connection: SocketConnection, namespace: str, data: object) -> None:
        """The client may try again a few times, until the time for its login is over."""
        refusal = self.packet_class(CONNECT_ERROR, data=data, namespace=namespace)
        packet = eio_packet.Packet(eio_packet.MESSAGE, refusal.encode())
        is_late = time.monotonic() - connection.opened_at >= self._login_timeout_s
        if connection.connect_packets >= MAX_CONNECT_PACKETS or (is_late and not connection.sid):
            await self.close(connection, [packet])
        else:
            await self._send_eio_packet(connection.id, packet)

    async def _answer(self, connection: SocketConnection, packet: SocketIoPacket) -> None:
        name, arguments = packet.event
        answer = await self._hooks.on_request(connection, name, arguments)
        if packet.id is None or answer is None or connection.closing:
            return
        await self._send_packet(connection.id, self.packet_class(ACK, namespace=NAMESPACE, id=packet.id, data=[answer]))
