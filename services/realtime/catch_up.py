"""Catch-up: a socket receives the events it missed, read from the stream, and after them live ones."""

import asyncio
import logging
import sys
from contextlib import aclosing
from functools import partial

from services.realtime.event_decoding import decode_event
from services.realtime.round_robin_semaphore import RoundRobinSemaphore
from services.realtime.send_queue import SendQueue, encode_events
from services.realtime.subscriber import OrganizationRoom, ResumeResult, SocketPosition
from shared.contracts.registry import organization_events_filter
from shared.messaging.client import NatsMessage
from shared.messaging.stream_replay import ResyncRequiredError, StreamReplay
from shared.platform.background import log_failure, start_awaited
from shared.platform.retries import retry_during_outage

MAX_READERS, MAX_READERS_PER_ORGANIZATION = 8, 2
"""Sockets for which the stream is read at the same time; organizations take turns."""
PAUSE_PER_READING = 4.0
"""A reading that did not reach the end pauses this many times its own duration while other sockets of the organization
wait: catch-ups of one organization leave the processor to live events and requests. Short catch-ups never pause."""
RETRY_DELAY_S = 0.5
"""After an error of NATS."""
FAULT_RETRY_DELAY_S = 5.0
"""After any other error."""

log = logging.getLogger(__name__)


class CatchUp:
    """One at a time for each socket; repeated until it succeeds or the socket leaves."""

    def __init__(self, replay: StreamReplay, send_queue: SendQueue) -> None:
        self._replay = replay
        self._send_queue = send_queue
        self._readers = RoundRobinSemaphore(MAX_READERS, MAX_READERS_PER_ORGANIZATION)

    def start(self, room: OrganizationRoom, socket: SocketPosition, since: int | None) -> asyncio.Task[ResumeResult]:
        """`since`: the newest event the client has; None: what it named when it connected, else all it had here."""
        previous = socket.task
        since, socket.since = socket.since if since is None else since, None
        if socket.timer:
            socket.timer.cancel()
        socket.task = start_awaited("catch-up of a socket", self._run(room, socket, since, previous))
        return socket.task

    async def _run(
        self,
        room: OrganizationRoom,
        socket: SocketPosition,
        since: int | None,
        previous: asyncio.Task[ResumeResult] | None,
    ) -> ResumeResult:
        if previous:
            try:
                await asyncio.wait([previous])
            except asyncio.CancelledError:  # the socket is gone; only this task refers to the previous one
                previous.cancel()
                raise
        socket.pause()
        if not self._send_queue.receives_events(socket.sid):
            since = None
        while not socket.is_live:
            try:
                what, read = f"missed events of {room.organization_id}", partial(self._send_missed, room, socket, since)
                await retry_during_outage(what, read, delay_s=RETRY_DELAY_S)
                since = None
            except Exception as error:  # without a retry the socket would stay connected and receive nothing any more
                log_failure("catch-up of a socket", error)
                await asyncio.sleep(FAULT_RETRY_DELAY_S)
        return ResumeResult(socket.position, socket.must_reload)

    async def _send_missed(self, room: OrganizationRoom, socket: SocketPosition, since: int | None) -> None:
        """Between two readings it waits until a slow socket has read, without occupying a reader."""
        loop = asyncio.get_running_loop()
        try:
            if since is not None:
                if since > room.sequence:
                    await self._replay.require_retained(since)
                socket.request_since(since)
            is_full = False
            while missed := socket.next_range(room.sequence):
                await self._send_queue.wait_until_drained(socket.sid, completely=is_full)
                async with self._readers.slot(room.organization_id):
                    started_at = loop.time()
                    is_full = not await self._send_range(room, socket, *missed)
                    is_unfinished = is_full or socket.is_behind(room.sequence)
                    if is_unfinished and self._readers.has_waiters(room.organization_id):
                        await asyncio.sleep(PAUSE_PER_READING * (loop.time() - started_at))
        except ResyncRequiredError as error:
            log.info("%s: a client must load the records again: %s", room.organization_id, error)
            socket.skip_to(room.sequence)
            await self._send_queue.send(socket.sid, encode_events([("resync", {"sequence": socket.position})]))

    async def _send_range(self, room: OrganizationRoom, socket: SocketPosition, after: int, until: int) -> bool:
        """Page by page, until the socket reads too slowly (False) or others wait for a reader. In a gap it stops at its
        end; else it reads on to the newest event, so that those that arrive meanwhile are included."""
        last = until if socket.gap else sys.maxsize
        subject_filter = organization_events_filter(room.organization_id)
        async with aclosing(self._replay.pages_after(subject_filter, after)) as pages:
            async for page in pages:
                for message in page:
                    sequence = message.metadata.sequence.stream
                    if sequence <= last and not await self._send_message(socket, sequence, message):
                        return False
                    reached = min(sequence, last)
                    socket.advance_to(reached, after)
                    after = reached
                if after == last or self._readers.is_contended(room.organization_id):
                    return True
        socket.advance_to(max(after, until), after)
        return True

    async def _send_message(self, socket: SocketPosition, sequence: int, message: NatsMessage) -> bool:
        """False when the socket's backlog is too large."""
        await asyncio.sleep(0)
        if not self._send_queue.is_drained(socket.sid):
            return False
        packets = encode_events(decode_event(message.subject, sequence, message.data))
        return await self._send_queue.send(socket.sid, packets)
