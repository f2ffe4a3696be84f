"""Packets on their way to sockets. One that reads too slowly is dropped instead of being remembered for."""

import asyncio
import logging
from typing import Any

from prometheus_client import Counter
from socketio.async_manager import eio_packet
from socketio.packet import EVENT

from services.realtime.wire import Wire

SLOW = "slow_consumer"
_LOOK = 0.02
"""Seconds between two looks at the backlog."""
DROPPED = Counter("switchboard_realtime_dropped_total", "Sockets that were ended by the server", ["reason"])
log = logging.getLogger(__name__)


class Outgoing:
    """Sends to single sockets of one Socket.IO server.

    backlog: packets that may wait for a socket. patience: seconds it may take to read half of them.
    """

    def __init__(self, sio: Any, backlog: int, patience: float) -> None:
        self._sio, self._backlog, self._patience = sio, backlog, patience
        self._dropping: dict[str, asyncio.Task[None]] = {}

    def encode(self, events: Wire) -> list[Any]:
        """Once for all sockets that are told."""
        make = self._sio.packet_class
        return [
            eio_packet.Packet(eio_packet.MESSAGE, make(EVENT, namespace="/", data=list(event)).encode())
            for event in events
        ]

    async def send(self, sid: str, packets: list[Any]) -> bool:
        """Now or not at all: False when too many packets wait. One that is gone is told nothing."""
        socket = self._socket(sid)
        if socket and socket.queue.qsize() + len(packets) > self._backlog:
            return False
        await self._put(socket, packets)
        return True

    async def send_patiently(self, sid: str, packets: list[Any]) -> None:
        """Waits while half of the backlog is taken; a socket that takes too long over it is dropped."""
        try:
            async with asyncio.timeout(self._patience):
                await self._read_down(sid)
        except TimeoutError:
            self._drop(self._socket(sid))
        await self._put(self._socket(sid), packets)

    async def _put(self, socket: Any, packets: list[Any]) -> None:
        if socket:
            for packet in packets:
                await socket.send(packet)

    async def _read_down(self, sid: str) -> None:
        while True:
            socket = self._socket(sid)
            if socket is None or socket.queue.qsize() <= self._backlog // 2:
                return
            await asyncio.sleep(_LOOK)

    def _socket(self, sid: str) -> Any:
        socket = self._sio.eio.sockets.get(self._sio.manager.eio_sid_from_sid(sid, "/"))
        gone = socket is None or socket.closing or socket.closed or socket.sid in self._dropping
        return None if gone else socket

    def _drop(self, socket: Any) -> None:
        """What waits is thrown away: the client resumes behind the last event it read."""
        if socket is None:
            return
        DROPPED.labels(SLOW).inc()
        log.warning("%s: dropped, %d packets waited for it", socket.sid, socket.queue.qsize())
        while not socket.queue.empty():
            socket.queue.get_nowait()
            socket.queue.task_done()
        reason = "this socket reads more slowly than events come; connect again and join with `since`"
        last = [
            *self.encode([("session:ended", {"code": SLOW, "reason": reason})]),
            eio_packet.Packet(eio_packet.CLOSE),
            None,
        ]
        for packet in last:  # None: the writer ends behind these
            socket.queue.put_nowait(packet)
        # Closing tells the room, which may be just what is waiting here: so from a task of its own.
        task = asyncio.create_task(socket.close(wait=False, abort=True, reason=SLOW))
        self._dropping[socket.sid] = task
        task.add_done_callback(lambda _: self._dropping.pop(socket.sid, None))
