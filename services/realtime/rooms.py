"""The room of an organization: its sockets at this replica, and one consumer of its events that serves them all.

The first socket that joins starts the consumer, the last one that leaves stops it. A socket that joins first receives
what it missed (catch_up.py) and then, without gap or repeat, live events.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import Gauge

from services.realtime.catch_up import CatchUp
from services.realtime.ephemeral_feed import EphemeralFeed
from services.realtime.event_decoding import decode_event
from services.realtime.nats_clients import NatsClients
from services.realtime.payloads import author_of, ephemeral_events_of
from services.realtime.send_queue import SendQueue, encode_events
from services.realtime.subscriber import OrganizationRoom, ResumeResult, SocketPosition
from shared.contracts.errors import Problem
from shared.contracts.message import EphemeralEvent
from shared.contracts.registry import organization_events_filter
from shared.messaging.ordered_consumer import MessageHandler, OrderedConsumer
from shared.messaging.stream_replay import StreamReplay
from shared.platform.keyed_locks import KeyedLocks

RESUME_TIMEOUT_S = 10.0
"""Then the client is answered `bus_unavailable`; the catch-up goes on."""

ROOMS = Gauge("switchboard_realtime_rooms", "Organizations with at least one socket here")


@dataclass(frozen=True)
class _OpenRoom:
    room: OrganizationRoom
    consumer: OrderedConsumer
    ephemeral: EphemeralFeed

    async def close(self) -> None:
        await self.consumer.stop()
        await self.ephemeral.stop()


class OrganizationRooms:
    """The rooms of all organizations with sockets at this replica.

    max_replayed_events: a client that missed more must load the records again."""

    def __init__(self, nats: NatsClients, send_queue: SendQueue, max_replayed_events: int) -> None:
        self._nats = nats
        self._send_queue = send_queue
        self._catch_up = CatchUp(StreamReplay(nats.client, nats.js, max_replayed_events), send_queue)
        self._open_rooms: dict[str, _OpenRoom] = {}
        self._locks = KeyedLocks()

    async def join(self, organization_id: str, sid: str, since: int | None, grace_s: float) -> None:
        """The socket receives what followed `since` (None: only new events) as soon as its client asks to `resume`, and
        after `grace_s` seconds in any case. Raises NatsError while the stream is unreachable."""
        async with self._locks.of(organization_id):
            opened = self._open_rooms.get(organization_id) or await self._open(organization_id)
            room = opened.room
            socket = room.sockets[sid] = SocketPosition(sid, room.sequence, since)
            socket.timer = asyncio.get_running_loop().call_later(grace_s, self._catch_up.start, room, socket, None)

    async def leave(self, organization_id: str, sid: str) -> None:
        """Repeatable."""
        async with self._locks.of(organization_id):
            opened = self._open_rooms.get(organization_id)
            if opened is None:
                return
            if socket := opened.room.sockets.pop(sid, None):
                socket.cancel()
            if not opened.room.sockets:
                del self._open_rooms[organization_id]
                ROOMS.set(len(self._open_rooms))
                await opened.close()

    def has_joined(self, organization_id: str, sid: str) -> bool:
        """The socket joined and did not leave."""
        opened = self._open_rooms.get(organization_id)
        return opened is not None and sid in opened.room.sockets

    async def resume(self, organization_id: str, sid: str, since: int | None) -> ResumeResult:
        """Send the socket what followed `since`, then live events.

        Raises Problem 503 while NATS is unreachable; missed events are sent as soon as it is back.
        """
        opened = self._open_rooms.get(organization_id)
        socket = opened.room.sockets.get(sid) if opened else None
        if opened is None or socket is None:
            raise Problem(503, "socket_closing", "this socket is being closed; connect again")
        try:
            async with asyncio.timeout(RESUME_TIMEOUT_S):
                return await asyncio.shield(self._catch_up.start(opened.room, socket, since))
        except TimeoutError as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error

    async def close(self) -> None:
        for opened in self._open_rooms.values():
            for socket in opened.room.sockets.values():
                socket.cancel()
        for opened in list(self._open_rooms.values()):
            await opened.close()
        self._open_rooms.clear()

    async def _open(self, organization_id: str) -> _OpenRoom:
        room = OrganizationRoom(organization_id)
        consumer = self._nats.event_consumer(organization_events_filter(organization_id), self._event_handler(room))
        ephemeral = EphemeralFeed(self._nats.client, organization_id, self._ephemeral_handler(room))
        opened = _OpenRoom(room, consumer, ephemeral)
        try:
            await consumer.start()
            await ephemeral.start()
        except BaseException:  # the next socket that joins creates both again
            await opened.close()
            raise
        room.sequence = max(room.sequence, consumer.sequence)
        self._open_rooms[organization_id] = opened
        ROOMS.set(len(self._open_rooms))
        return opened

    def _event_handler(self, room: OrganizationRoom) -> MessageHandler:
        async def on_event(subject: str, sequence: int, body: bytes) -> None:
            receivers = room.advance_to(sequence)
            packets = encode_events(decode_event(subject, sequence, body)) if receivers else []
            for socket in receivers:
                if not await self._send_queue.send(socket.sid, packets):
                    socket.mark_behind(sequence)
                    self._catch_up.start(room, socket, None)
            await asyncio.sleep(0)  # in a burst of events the sockets' writers run as well

        return on_event

    def _ephemeral_handler(self, room: OrganizationRoom) -> Callable[[EphemeralEvent], Awaitable[None]]:
        """A socket that is not up to date receives no ephemeral events."""

        async def on_event(event: EphemeralEvent) -> None:
            packets = encode_events(ephemeral_events_of(event), author_of(event))
            for sid in [socket.sid for socket in room.sockets.values() if socket.is_live]:
                await self._send_queue.send(sid, packets)

        return on_event
