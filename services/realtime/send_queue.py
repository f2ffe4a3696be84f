"""Packets on their way to sockets. One that reads too slowly is dropped instead of being remembered for.

Everything a socket is told passes `_admitted`: at that moment its access goes on and its scopes allow the event.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter
from socketio.async_manager import eio_packet
from socketio.packet import EVENT, Packet

from services.realtime.backlog import Backlogs, PacketQueue
from services.realtime.connection_limits import Connection
from services.realtime.payloads import Payload, Wire, scope_of
from services.realtime.transport import Transport
from shared.contracts.principal import Scope

SLOW = "slow_consumer"
_LOOK = 0.02
"""Seconds between two looks at the backlog."""
DROPPED = Counter("switchboard_realtime_dropped_total", "Sockets that were ended by the server", ["reason"])
_READS_SLOWLY = "this socket reads more slowly than events come; connect again and join with `since`"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Encoded:
    """An event as it is sent, and the scope a socket needs to be told it; None: every socket is."""

    packet: Any
    scope: Scope | None


def encode(events: Wire) -> list[Encoded]:
    """Once for all sockets that are told."""
    return [Encoded(packet_of(name, payload), scope_of(name)) for name, payload in events]


def packet_of(name: str, payload: Payload) -> Any:
    """One event as Engine.IO sends it."""
    return eio_packet.Packet(eio_packet.MESSAGE, Packet(EVENT, namespace="/", data=[name, payload]).encode())


class Outgoing:
    """Sends to single sockets. `goes_on` says of a connection whether its access does, and ends it when not.

    patience: seconds a socket may take to read half of what may wait for it.
    """

    def __init__(
        self, transport: Transport, backlogs: Backlogs, patience: float, goes_on: Callable[[Connection], bool]
    ) -> None:
        self._transport, self._backlogs, self._patience, self._goes_on = transport, backlogs, patience, goes_on

    def count(self, connection: Connection) -> None:
        """From now on what waits for it counts for its organization."""
        queue = self._transport.queue_of(connection)
        if queue is not None and connection.principal:
            queue.count_for(self._backlogs.counter(connection.principal.organization_id))

    def uncount(self, connection: Connection) -> None:
        """It is gone, whatever still waits for it."""
        if queue := self._transport.queue_of(connection, gone=True):
            queue.count_for(None)

    def hears_events(self, sid: str) -> bool:
        """Whether this socket is there and is told any events at all."""
        connection = self._transport.connections.of_socket(sid)
        return bool(connection and connection.principal and connection.principal.scopes & {"read", "manage"})

    async def send(self, sid: str, events: list[Encoded]) -> bool:
        """Now or not at all: False when too much waits. One that is gone is told nothing."""
        found = self._admitted(sid, events)
        if found is None:
            return True
        organization_id, queue, packets = found
        if packets and not self._backlogs.fits(organization_id, queue, packets):
            return False
        for packet in packets:
            queue.put_nowait(packet)
        return True

    async def answer(self, sid: str, name: str, payload: Payload) -> None:
        """An event that answers a request of this socket, whatever it may hear."""
        if connection := self._transport.connections.of_socket(sid):
            await self._transport._send_eio_packet(connection.id, packet_of(name, payload))

    async def read_down(self, sid: str, everything: bool = False) -> None:
        """Waits while half of what may wait does, or while anything does; a socket that takes too long is dropped."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    if self.is_read_down(sid, everything):
                        return
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            if connection := self._transport.connections.of_socket(sid):
                self.drop(connection)

    def is_read_down(self, sid: str, everything: bool = False) -> bool:
        """Also when it is gone."""
        found = self._admitted(sid, [])
        if found is None:
            return True
        organization_id, queue, _ = found
        return queue.empty() if everything else self._backlogs.is_read_down(organization_id, queue)

    def is_overfull(self, connection: Connection, queue: PacketQueue) -> bool:
        """Answers wait for nothing, so who asks and does not read the answers is dropped."""
        organization_id = connection.principal.organization_id if connection.principal else ""
        if self._backlogs.takes_answers(organization_id, queue):
            return False
        self.drop(connection)
        return True

    def drop(self, connection: Connection) -> None:
        """What waits is thrown away: the client resumes behind the last event it read."""
        queue = self._transport.queue_of(connection)
        if queue is None or connection.closing:
            return
        DROPPED.labels(SLOW).inc()
        log.warning("%s: dropped, %d packets of %d bytes waited", connection.sid, queue.qsize(), queue.bytes)
        last = [packet_of("session:ended", {"code": SLOW, "reason": _READS_SLOWLY})]
        self._transport.start_closing(connection, last, discard=True)

    def _admitted(self, sid: str, events: list[Encoded]) -> tuple[str, PacketQueue, list[Any]] | None:
        connection = self._transport.connections.of_socket(sid)
        if connection is None or connection.principal is None or connection.closing or not self._goes_on(connection):
            return None
        queue = self._transport.queue_of(connection)
        if queue is None:
            return None
        scopes = connection.principal.scopes
        packets = [event.packet for event in events if event.scope is None or event.scope in scopes]
        return connection.principal.organization_id, queue, packets
