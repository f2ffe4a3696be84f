"""A room is an organization's subjects: the first socket that joins starts the feed, the last one leaving ends it.

A socket begins held: it is told what it missed, then, without gap or repeat, what happens from then on.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from prometheus_client import Gauge
from pydantic import ValidationError

from services.realtime.ephemeral_feed import EphemeralFeed
from services.realtime.keyed_locks import KeyedLocks
from services.realtime.payloads import SocketEvents, socket_events_of
from services.realtime.replay import ResyncRequiredError, StreamReplay
from services.realtime.round_robin_semaphore import RoundRobinSemaphore
from services.realtime.send_queue import SendQueue, encode_events
from services.realtime.subscriber import OrganizationRoom, ResumeResult, SocketPosition
from shared.contracts.errors import Problem
from shared.contracts.registry import organization_events_filter, parse_event
from shared.messaging.client import JetStreamContext, NatsClient, NatsError, NatsMessage
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.platform.background import note_failure, start_waited

MAX_CONCURRENT_CATCH_UPS, MAX_CATCH_UPS_PER_ORGANIZATION = 8, 2
"""Sockets that are told what they missed at the same time; the others wait, and organizations take turns."""
PAUSE_PER_READING = 4.0
"""While more sockets of an organization wait for a reader, one that is not at its end rests this many times as long as
it read: so no organization takes the processor from what others send and hear. A short resume never rests."""
RETRY_DELAY_S, RESUME_TIMEOUT_S = 0.5, 10.0
"""Seconds until NATS is asked again, and until a client is told that it does not answer."""

FAULT_RETRY_DELAY_S = 5.0

ROOMS = Gauge("switchboard_realtime_rooms", "Organizations with at least one socket here")
log = logging.getLogger(__name__)


class OrganizationRooms:
    """The sockets of each organization, and its feed."""

    def __init__(self, client: NatsClient, js: JetStreamContext, outgoing: SendQueue, history: StreamReplay) -> None:
        self._client, self._js, self._send_queue, self._replay = client, js, outgoing, history
        self._rooms: dict[str, OrganizationRoom] = {}
        self._consumers: dict[str, OrderedConsumer] = {}
        self._ephemeral_feeds: dict[str, EphemeralFeed] = {}
        self._locks = KeyedLocks()
        self._readers = RoundRobinSemaphore(MAX_CONCURRENT_CATCH_UPS, MAX_CATCH_UPS_PER_ORGANIZATION)

    async def join(self, organization_id: str, sid: str, since: int | None, grace: float) -> None:
        """The socket is told what followed `since` (None: now) and hears the room from `resume` on, or after `grace`
        seconds. Raises a NATS error when the stream is away."""
        async with self._locks.of(organization_id):
            room = self._rooms.get(organization_id)
            if room is None:
                room = await self._open(organization_id)
            follower = room.sockets[sid] = SocketPosition(sid, room.sequence, since)
            loop = asyncio.get_running_loop()
            follower.timer = loop.call_later(grace, self._catch_up, room, follower, None)

    async def leave(self, organization_id: str, sid: str) -> None:
        """Repeatable."""
        async with self._locks.of(organization_id):
            room = self._rooms.get(organization_id)
            if room is None:
                return
            if follower := room.sockets.pop(sid, None):
                follower.cancel()
            if not room.sockets:
                del self._rooms[organization_id]
                ROOMS.set(len(self._rooms))
                await self._consumers.pop(organization_id).stop()
                await self._ephemeral_feeds.pop(organization_id).stop()

    def is_joined(self, organization_id: str, sid: str) -> bool:
        """The socket joined and did not leave."""
        room = self._rooms.get(organization_id)
        return room is not None and sid in room.sockets

    async def resume(self, organization_id: str, sid: str, since: int | None) -> ResumeResult:
        """Tell the socket what followed `since`, then let it hear the room.

        Raises Problem 503 when NATS is away; what was missed is told as soon as it is back.
        """
        room = self._rooms.get(organization_id)
        follower = room.sockets.get(sid) if room else None
        if room is None or follower is None:
            raise Problem(503, "socket_closing", "this socket is being closed; connect again")
        try:
            async with asyncio.timeout(RESUME_TIMEOUT_S):
                return await asyncio.shield(self._catch_up(room, follower, since))
        except TimeoutError as error:
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error

    async def close(self) -> None:
        for room in self._rooms.values():
            for follower in room.sockets.values():
                follower.cancel()
        for feed in list(self._consumers.values()):
            await feed.stop()
        for live in list(self._ephemeral_feeds.values()):
            await live.stop()
        self._rooms.clear()
        self._consumers.clear()
        self._ephemeral_feeds.clear()

    async def _open(self, organization_id: str) -> OrganizationRoom:
        room = OrganizationRoom(organization_id)
        feed = OrderedConsumer(
            self._client, self._js, organization_events_filter(organization_id), self._event_handler(room)
        )
        live = EphemeralFeed(self._client, organization_id, self._ephemeral_handler(room))
        try:
            await feed.start()
            await live.start()
        except BaseException:  # nothing of it goes on: the next socket that joins makes both anew
            await feed.stop()
            await live.stop()
            raise
        room.sequence = max(room.sequence, feed.sequence)
        self._rooms[organization_id], self._consumers[organization_id] = room, feed
        self._ephemeral_feeds[organization_id] = live
        ROOMS.set(len(self._rooms))
        return room

    def _event_handler(self, room: OrganizationRoom) -> Callable[[str, int, bytes], Awaitable[None]]:
        async def receive(address: str, sequence: int, body: bytes) -> None:
            told = room.receivers_of(sequence)
            packets = encode_events(_decode(address, sequence, body)) if told else []
            for follower in told:
                if not await self._send_queue.send(follower.sid, packets):
                    follower.mark_behind(sequence)
                    self._catch_up(room, follower, None)
            await asyncio.sleep(0)  # in a burst the sockets are written to as well

        return receive

    def _ephemeral_handler(self, room: OrganizationRoom) -> Callable[[SocketEvents], Awaitable[None]]:
        """A socket that reads slowly is told what is kept, and not this."""

        async def tell(wire: SocketEvents) -> None:
            packets = encode_events(wire)
            for sid in [follower.sid for follower in room.sockets.values() if follower.is_live]:
                await self._send_queue.send(sid, packets)

        return tell

    def _catch_up(
        self, room: OrganizationRoom, follower: SocketPosition, since: int | None
    ) -> asyncio.Task[ResumeResult]:
        """One at a time for each socket; asks NATS until it answers or the socket leaves."""
        before = follower.task
        since, follower.since = follower.since if since is None else since, None
        if follower.timer:
            follower.timer.cancel()

        async def catch_up() -> ResumeResult:
            if before:
                await asyncio.wait([before])
            follower.pause()
            wish = since if self._send_queue.receives_events(follower.sid) else None
            while not follower.is_live:
                try:
                    await self._read_up(room, follower, wish)
                    wish = None
                except (NatsError, TimeoutError, OSError) as error:
                    log.warning("%s: what a socket missed cannot be read yet: %s", room.organization_id, error)
                    await asyncio.sleep(RETRY_DELAY_S)
                except Exception as error:  # else the socket would stay connected and hear nothing any more
                    note_failure("catch-up of a socket", error)
                    await asyncio.sleep(FAULT_RETRY_DELAY_S)
            return ResumeResult(follower.position, follower.must_reload)

        follower.task = start_waited("catch-up of a socket", catch_up())
        return follower.task

    async def _read_up(self, room: OrganizationRoom, follower: SocketPosition, since: int | None) -> None:
        """A slow socket is waited for between two readings, so that others read at that time."""
        loop = asyncio.get_running_loop()
        try:
            if since is not None:
                if since > room.sequence:
                    await self._replay.require_retained(since)
                follower.request_since(since)
            full = False
            while span := follower.next_range(room.sequence):
                await self._send_queue.wait_until_drained(follower.sid, everything=full)
                async with self._readers.slot(room.organization_id):
                    began = loop.time()
                    full = not await self._tell(room, follower, *span)
                    unfinished = full or follower.is_behind(room.sequence)
                    if unfinished and self._readers.has_waiters(room.organization_id):
                        await asyncio.sleep(PAUSE_PER_READING * (loop.time() - began))
        except ResyncRequiredError as missed:
            log.info("%s: a socket must load the records anew: %s", room.organization_id, missed)
            follower.skip_to(room.sequence)
            await self._send_queue.send(follower.sid, encode_events([("resync", {"sequence": follower.position})]))

    async def _tell(self, room: OrganizationRoom, follower: SocketPosition, behind: int, until: int) -> bool:
        """Page by page, until the socket reads too slowly (False) or others wait for a reader. A gap ends where the
        socket began to hear; else events that came in the meantime are told as well."""
        last = until if follower.gap else sys.maxsize
        async with aclosing(
            self._replay.pages_after(organization_events_filter(room.organization_id), behind)
        ) as pages:
            async for page in pages:
                for message in page:
                    sequence = message.metadata.sequence.stream
                    if sequence <= last and not await self._tell_one(follower, sequence, message):
                        return False
                    reached = min(sequence, last)
                    follower.advance_to(behind, reached)
                    behind = reached
                if behind == last or self._readers.is_contended(room.organization_id):
                    return True
        follower.advance_to(behind, max(behind, until))
        return True

    async def _tell_one(self, follower: SocketPosition, sequence: int, message: NatsMessage) -> bool:
        """False when too much waits for the socket."""
        await asyncio.sleep(0)
        if not self._send_queue.is_drained(follower.sid):
            return False
        return await self._send_queue.send(
            follower.sid, encode_events(_decode(message.subject, sequence, message.data))
        )


def _decode(address: str, sequence: int, body: bytes) -> SocketEvents:
    """Empty for an event nobody can read or no front end is told."""
    try:
        event = parse_event(address, body)
        return socket_events_of(event, sequence) if event else []
    except ValidationError as error:
        log.warning("%s: an unreadable event is left out: %s", address, error.errors()[0]["msg"])
        return []
    except Exception as error:  # an error of ours in one event holds up no other
        note_failure("event of a room", error)
        return []
