"""Backlog: packets that wait to be written to sockets, limited per socket, organization and process. No I/O."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

WRITE_BATCH_BYTES = 65_536
"""The writer of a socket takes so much out of its queue at once; the rest still counts as backlog."""
REPLY_BACKLOG_FACTOR = 4
"""With replies a socket's backlog may be this many times as large as with events alone."""
PACKET_OVERHEAD_BYTES = 100
"""What a packet costs besides its text."""


@dataclass(frozen=True)
class BacklogLimits:
    """Of one socket, of all sockets of an organization, and of all sockets of this process."""

    socket_packets: int
    socket_bytes: int
    organization_bytes: int
    process_bytes: int


class EnginePacket(Protocol):
    """A packet of the library for Engine.IO, which has no types."""

    @property
    def data(self) -> object: ...


QueueItem = EnginePacket | None
"""None ends the writer of a socket."""


def size_of(packet: QueueItem) -> int:
    """Bytes of an Engine.IO packet in memory; encoded events are ASCII."""
    data = getattr(packet, "data", None)
    return PACKET_OVERHEAD_BYTES + (len(data) if isinstance(data, str | bytes) else 0)


class PacketQueue(asyncio.Queue[QueueItem]):
    """The queue of a socket. `on_size_change` is called with the bytes that were added (or removed: negative)."""

    def __init__(self, on_size_change: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self.bytes = 0
        self._on_size_change = on_size_change
        self._batch_bytes = 0

    def set_size_listener(self, on_size_change: Callable[[int], None] | None) -> None:
        """The new listener is called with the present size first, the old one with its negative."""
        if self._on_size_change:
            self._on_size_change(-self.bytes)
        self._on_size_change = on_size_change
        if on_size_change:
            on_size_change(self.bytes)

    def clear(self) -> None:
        """Discard everything."""
        while not self.empty():
            super().get_nowait()
            self.task_done()

    async def get(self) -> QueueItem:
        self._batch_bytes = 0
        return await super().get()

    def get_nowait(self) -> QueueItem:
        """Raises QueueEmpty also after a full batch, so that a slow writer does not take everything out at once."""
        if self._batch_bytes >= WRITE_BATCH_BYTES:
            raise asyncio.QueueEmpty
        packet = super().get_nowait()
        self._batch_bytes += size_of(packet)
        return packet

    def _put(self, item: QueueItem) -> None:
        super()._put(item)
        self._change(size_of(item))

    def _get(self) -> QueueItem:
        item = super()._get()
        self._change(-size_of(item))
        return item

    def _change(self, by: int) -> None:
        self.bytes += by
        if self._on_size_change:
            self._on_size_change(by)


class Backlogs:
    """The bytes of all queues, by organization."""

    def __init__(self, limits: BacklogLimits) -> None:
        self.limits = limits
        self._organizations = Counter[str]()
        self.total = 0

    def counter_for(self, organization_id: str) -> Callable[[int], None]:
        """A size listener for the queue of one of its sockets."""

        def count(by: int) -> None:
            self.total += by
            self._organizations[organization_id] += by
            if self._organizations[organization_id] <= 0:
                del self._organizations[organization_id]

        return count

    def fits(self, organization_id: str, queue: PacketQueue, packets: Sequence[EnginePacket]) -> bool:
        """Whether these may be added. An empty queue takes an event of any size."""
        if queue.empty():
            return True
        new = sum(size_of(packet) for packet in packets)
        limits = self.limits
        if queue.qsize() + len(packets) > limits.socket_packets or queue.bytes + new > limits.socket_bytes:
            return False
        return self._fits_shared_limits(organization_id, new)

    def is_drained(self, organization_id: str, queue: PacketQueue) -> bool:
        """At most half of the socket's limits is used, so that more may be read from the stream for it."""
        if queue.empty():
            return True
        limits = self.limits
        half = queue.qsize() <= limits.socket_packets // 2 and queue.bytes <= limits.socket_bytes // 2
        return half and self._fits_shared_limits(organization_id, 0)

    def accepts_replies(self, organization_id: str, queue: PacketQueue) -> bool:
        """Replies may exceed the socket's limit for events, unless the organization has too large a backlog."""
        if queue.bytes <= self.limits.socket_bytes:
            return True
        is_bounded = queue.bytes <= REPLY_BACKLOG_FACTOR * self.limits.socket_bytes
        return is_bounded and self._fits_shared_limits(organization_id, 0)

    def _fits_shared_limits(self, organization_id: str, new: int) -> bool:
        """While the process has too large a backlog, organizations may grow up to an equal share of it."""
        own = self._organizations[organization_id] + new
        if own > self.limits.organization_bytes:
            return False
        share = self.limits.process_bytes // max(1, len(self._organizations))
        return self.total + new <= self.limits.process_bytes or own <= share
