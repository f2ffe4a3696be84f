"""Everything that is sent to sockets, through one bounded queue for each. A socket that reads too slowly is dropped.

Events pass `_deliverable`, which checks at that moment that the socket's access is valid and that its scopes allow the
event; replies to the socket's own requests pass `send_reply`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import Counter
from socketio.async_manager import eio_packet
from socketio.packet import EVENT, Packet

from services.realtime.backlog import Backlogs, EnginePacket, PacketQueue
from services.realtime.connection_registry import SocketConnection
from services.realtime.payloads import Payload, SocketEvents, scope_of
from services.realtime.transport import Transport
from shared.contracts.principal import Principal, Scope

SLOW_CONSUMER = "slow_consumer"
SLOW_CONSUMER_REASON = "this socket reads more slowly than events come; connect again and join with `since`"
DRAIN_POLL_INTERVAL_S = 0.02
DROPPED_SOCKETS = Counter(
    "switchboard_realtime_dropped_total", "Sockets closed by the server while their client was connected", ["reason"]
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedEvent:
    """An event as it is sent. `scope`: what a socket needs to receive it; None: nothing. `author`: the subject whose
    sockets do not receive it."""

    packet: EnginePacket
    scope: Scope | None
    author: str | None = None

    def is_for(self, principal: Principal) -> bool:
        return (self.scope is None or self.scope in principal.scopes) and self.author != principal.subject


def encode_events(events: SocketEvents, author: str | None = None) -> list[EncodedEvent]:
    """Once for all receivers; the sockets of `author` are none."""
    return [EncodedEvent(event_packet(name, payload), scope_of(name), author) for name, payload in events]


def event_packet(name: str, payload: Mapping[str, object]) -> EnginePacket:
    """One event as an Engine.IO packet."""
    encoded = Packet(EVENT, namespace="/", data=[name, payload]).encode()
    packet: EnginePacket = eio_packet.Packet(eio_packet.MESSAGE, encoded)
    return packet


class SendQueue:
    """Sends to single sockets.

    drain_timeout: seconds a socket may take to read half of its backlog.
    has_access: whether the access of a connection is valid; closes the connection when it is not.
    """

    def __init__(
        self,
        transport: Transport,
        backlogs: Backlogs,
        drain_timeout: float,
        has_access: Callable[[SocketConnection], bool],
    ) -> None:
        self._transport = transport
        self._backlogs = backlogs
        self._drain_timeout = drain_timeout
        self._has_access = has_access

    def start_counting(self, connection: SocketConnection) -> None:
        """From now on the backlog of this connection counts for its organization."""
        queue = self._transport.queue_of(connection)
        if queue is not None and connection.principal:
            queue.set_size_listener(self._backlogs.counter_for(connection.principal.organization_id))

    def stop_counting(self, connection: SocketConnection) -> None:
        """The connection is gone: its backlog, if any, no longer counts."""
        if queue := self._transport.queue_of(connection, include_closing=True):
            queue.set_size_listener(None)

    def receives_events(self, sid: str) -> bool:
        """Whether this socket is connected and its scopes allow any events at all."""
        connection = self._transport.connections.by_sid(sid)
        return bool(connection and connection.principal and connection.principal.scopes & {"read", "manage"})

    async def send(self, sid: str, events: list[EncodedEvent]) -> bool:
        """Without waiting. False, with nothing sent, when the backlog is too large. True for a socket that is gone."""
        delivery = self._deliverable(sid, events)
        if delivery is None:
            return True
        organization_id, queue, packets = delivery
        if packets and not self._backlogs.fits(organization_id, queue, packets):
            return False
        for packet in packets:
            queue.put_nowait(packet)
        return True

    async def send_reply(self, sid: str, name: str, payload: Payload) -> None:
        """An event that answers a request of this socket, whatever its scopes are."""
        if connection := self._transport.connections.by_sid(sid):
            await self._transport._send_eio_packet(connection.id, event_packet(name, payload))

    async def wait_until_drained(self, sid: str, completely: bool = False) -> None:
        """Until half of the backlog is read, or all of it; a socket that takes too long is dropped."""
        try:
            async with asyncio.timeout(self._drain_timeout):
                while True:
                    if self.is_drained(sid, completely):
                        return
                    await asyncio.sleep(DRAIN_POLL_INTERVAL_S)
        except TimeoutError:
            if connection := self._transport.connections.by_sid(sid):
                self.drop(connection)

    def is_drained(self, sid: str, completely: bool = False) -> bool:
        """Half of the backlog is read, or all of it. True for a socket that is gone."""
        delivery = self._deliverable(sid, [])
        if delivery is None:
            return True
        organization_id, queue, _ = delivery
        return queue.empty() if completely else self._backlogs.is_drained(organization_id, queue)

    def is_overfull(self, connection: SocketConnection, queue: PacketQueue) -> bool:
        """Replies never wait for room in the queue, so a client that sends requests without reading the replies is
        dropped."""
        organization_id = connection.principal.organization_id if connection.principal else ""
        if self._backlogs.accepts_replies(organization_id, queue):
            return False
        self.drop(connection)
        return True

    def drop(self, connection: SocketConnection) -> None:
        """Close a slow socket and discard its backlog; the client resumes behind the last event it read."""
        queue = self._transport.queue_of(connection)
        if queue is None or connection.closing:
            return
        DROPPED_SOCKETS.labels(SLOW_CONSUMER).inc()
        log.warning("%s: dropped with a backlog of %d packets, %d bytes", connection.sid, queue.qsize(), queue.bytes)
        last_packets = [event_packet("session:ended", {"code": SLOW_CONSUMER, "reason": SLOW_CONSUMER_REASON})]
        self._transport.start_closing(connection, last_packets, discard=True)

    def _deliverable(self, sid: str, events: list[EncodedEvent]) -> tuple[str, PacketQueue, list[EnginePacket]] | None:
        """Organization, queue, and the packets that the socket's scopes allow; None when it is gone."""
        connection = self._transport.connections.by_sid(sid)
        if connection is None or connection.principal is None or connection.closing or not self._has_access(connection):
            return None
        queue = self._transport.queue_of(connection)
        if queue is None:
            return None
        principal = connection.principal
        return principal.organization_id, queue, [event.packet for event in events if event.is_for(principal)]
