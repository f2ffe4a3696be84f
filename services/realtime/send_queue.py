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
from services.realtime.connection_registry import SocketConnection
from services.realtime.payloads import Payload, SocketEvents, scope_of
from services.realtime.transport import Transport
from shared.contracts.principal import Scope

SLOW_CONSUMER = "slow_consumer"
DRAIN_POLL_INTERVAL_S = 0.02
"""Seconds between two looks at the backlog."""
DROPPED_SOCKETS = Counter("switchboard_realtime_dropped_total", "Sockets that were ended by the server", ["reason"])
SLOW_CONSUMER_REASON = "this socket reads more slowly than events come; connect again and join with `since`"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodedEvent:
    """An event as it is sent, and the scope a socket needs to be told it; None: every socket is."""

    packet: Any
    scope: Scope | None


def encode_events(events: SocketEvents) -> list[EncodedEvent]:
    """Once for all sockets that are told."""
    return [EncodedEvent(event_packet(name, payload), scope_of(name)) for name, payload in events]


def event_packet(name: str, payload: Payload) -> Any:
    """One event as Engine.IO sends it."""
    return eio_packet.Packet(eio_packet.MESSAGE, Packet(EVENT, namespace="/", data=[name, payload]).encode())


class SendQueue:
    """Sends to single sockets. `goes_on` says of a connection whether its access does, and ends it when not.

    patience: seconds a socket may take to read half of what may wait for it.
    """

    def __init__(
        self, transport: Transport, backlogs: Backlogs, patience: float, goes_on: Callable[[SocketConnection], bool]
    ) -> None:
        self._transport, self._backlogs, self._drain_timeout_s, self._has_access = (
            transport,
            backlogs,
            patience,
            goes_on,
        )

    def start_counting(self, connection: SocketConnection) -> None:
        """From now on what waits for it counts for its organization."""
        queue = self._transport.queue_of(connection)
        if queue is not None and connection.principal:
            queue.set_size_listener(self._backlogs.counter_for(connection.principal.organization_id))

    def stop_counting(self, connection: SocketConnection) -> None:
        """It is gone, whatever still waits for it."""
        if queue := self._transport.queue_of(connection, gone=True):
            queue.set_size_listener(None)

    def receives_events(self, sid: str) -> bool:
        """Whether this socket is there and is told any events at all."""
        connection = self._transport.connections.by_sid(sid)
        return bool(connection and connection.principal and connection.principal.scopes & {"read", "manage"})

    async def send(self, sid: str, events: list[EncodedEvent]) -> bool:
        """Now or not at all: False when too much waits. One that is gone is told nothing."""
        found = self._deliverable(sid, events)
        if found is None:
            return True
        organization_id, queue, packets = found
        if packets and not self._backlogs.fits(organization_id, queue, packets):
            return False
        for packet in packets:
            queue.put_nowait(packet)
        return True

    async def send_reply(self, sid: str, name: str, payload: Payload) -> None:
        """An event that answers a request of this socket, whatever it may hear."""
        if connection := self._transport.connections.by_sid(sid):
            await self._transport._send_eio_packet(connection.id, event_packet(name, payload))

    async def wait_until_drained(self, sid: str, everything: bool = False) -> None:
        """Waits while half of what may wait does, or while anything does; a socket that takes too long is dropped."""
        try:
            async with asyncio.timeout(self._drain_timeout_s):
                while True:
                    if self.is_drained(sid, everything):
                        return
                    await asyncio.sleep(DRAIN_POLL_INTERVAL_S)
        except TimeoutError:
            if connection := self._transport.connections.by_sid(sid):
                self.drop(connection)

    def is_drained(self, sid: str, everything: bool = False) -> bool:
        """Also when it is gone."""
        found = self._deliverable(sid, [])
        if found is None:
            return True
        organization_id, queue, _ = found
        return queue.empty() if everything else self._backlogs.is_drained(organization_id, queue)

    def is_overfull(self, connection: SocketConnection, queue: PacketQueue) -> bool:
        """Answers wait for nothing, so who asks and does not read the answers is dropped."""
        organization_id = connection.principal.organization_id if connection.principal else ""
        if self._backlogs.accepts_replies(organization_id, queue):
            return False
        self.drop(connection)
        return True

    def drop(self, connection: SocketConnection) -> None:
        """What waits is thrown away: the client resumes behind the last event it read."""
        queue = self._transport.queue_of(connection)
        if queue is None or connection.closing:
            return
        DROPPED_SOCKETS.labels(SLOW_CONSUMER).inc()
        log.warning("%s: dropped, %d packets of %d bytes waited", connection.sid, queue.qsize(), queue.bytes)
        last = [event_packet("session:ended", {"code": SLOW_CONSUMER, "reason": SLOW_CONSUMER_REASON})]
        self._transport.start_closing(connection, last, discard=True)

    def _deliverable(self, sid: str, events: list[EncodedEvent]) -> tuple[str, PacketQueue, list[Any]] | None:
        connection = self._transport.connections.by_sid(sid)
        if connection is None or connection.principal is None or connection.closing or not self._has_access(connection):
            return None
        queue = self._transport.queue_of(connection)
        if queue is None:
            return None
        scopes = connection.principal.scopes
        packets = [event.packet for event in events if event.scope is None or event.scope in scopes]
        return connection.principal.organization_id, queue, packets
