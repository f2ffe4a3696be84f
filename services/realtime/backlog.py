"""What waits to be written to sockets, counted in bytes: of one socket, of an organization, of this process. No I/O."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WRITE_BATCH_BYTES = 65_536
"""Bytes the writer of a socket takes out of its queue at once; the rest stays counted."""
REPLY_BACKLOG_FACTOR = 4
"""Times the bytes of waiting events that answers may wait with."""
PACKET_OVERHEAD_BYTES = 100
"""Bytes a packet costs beside its text."""


@dataclass(frozen=True)
class BacklogLimits:
    """Packets and bytes of one socket; bytes of all sockets of an organization, and of all."""

    socket_packets: int
    socket_bytes: int
    organization_bytes: int
    process_bytes: int


def size_of(packet: Any) -> int:
    """Bytes this Engine.IO packet costs while it waits; encoded events are ASCII."""
    data = getattr(packet, "data", None)
    return PACKET_OVERHEAD_BYTES + (len(data) if isinstance(data, str | bytes) else 0)


class PacketQueue(asyncio.Queue[Any]):
    """The queue of a socket. `counted` is called with every change of its bytes."""

    def __init__(self, counted: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self.bytes = 0
        self._on_size_change = counted
        self._batch_bytes = 0

    def set_size_listener(self, counted: Callable[[int], None] | None) -> None:
        """From now on; what waits already counts as well."""
        if self._on_size_change:
            self._on_size_change(-self.bytes)
        self._on_size_change = counted
        if counted:
            counted(self.bytes)

    def clear(self) -> None:
        """Throw away everything that waits."""
        while not self.empty():
            super().get_nowait()
            self.task_done()

    async def get(self) -> Any:
        self._batch_bytes = 0
        return await super().get()

    def get_nowait(self) -> Any:
        """Raises QueueEmpty also after a full batch, so that a slow writer does not take everything into its hands."""
        if self._batch_bytes >= WRITE_BATCH_BYTES:
            raise asyncio.QueueEmpty
        packet = super().get_nowait()
        self._batch_bytes += size_of(packet)
        return packet

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._change(size_of(item))

    def _get(self) -> Any:
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
        """For the queue of one of its sockets."""

        def count(by: int) -> None:
            self.total += by
            self._organizations[organization_id] += by
            if self._organizations[organization_id] <= 0:
                del self._organizations[organization_id]

        return count

    def fits(self, organization_id: str, queue: PacketQueue, packets: list[Any]) -> bool:
        """Whether these may wait as well. To a socket that has read everything any event may be sent."""
        if queue.empty():
            return True
        new = sum(size_of(packet) for packet in packets)
        if queue.qsize() + len(packets) > self.limits.socket_packets or queue.bytes + new > self.limits.socket_bytes:
            return False
        return self._fits_shared_limits(organization_id, new)

    def is_drained(self, organization_id: str, queue: PacketQueue) -> bool:
        """Half of what may wait is read, so that reading from the stream goes on."""
        if queue.empty():
            return True
        half = queue.qsize() <= self.limits.socket_packets // 2 and queue.bytes <= self.limits.socket_bytes // 2
        return half and self._fits_shared_limits(organization_id, 0)

    def accepts_replies(self, organization_id: str, queue: PacketQueue) -> bool:
        """Answers of a few requests may wait beyond the bound for events, if the organization holds little else."""
        if queue.bytes <= self.limits.socket_bytes:
            return True
        return queue.bytes <= REPLY_BACKLOG_FACTOR * self.limits.socket_bytes and self._fits_shared_limits(
            organization_id, 0
        )

    def _fits_shared_limits(self, organization_id: str, new: int) -> bool:
        """When all together hold too much, those organizations wait that hold more than their share."""
        own = self._organizations[organization_id] + new
        if own > self.limits.organization_bytes:
            return False
        return self.total + new <= self.limits.process_bytes or own <= self.limits.process_bytes // max(
            1, len(self._organizations)
        )
