"""Fair shares of a consumer between organizations and instances (docs/decisions/0029).

Two resources are shared: the handlers that run at once (`FairSemaphore`) and the unacknowledged messages
(`FairCapacity`). Both use the same rule, a dynamic threshold: an organization may take one more while it has fewer than
are free. One busy organization gets half, k busy ones get 1/(k+1) each, and as much stays free for the next one.
"""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(order=True)
class _Waiter:
    sequence: int
    granted: asyncio.Future[None] = field(compare=False)
    has_slot: bool = field(default=False, compare=False)


@dataclass
class _InstanceQueue:
    """One instance: its running handlers, and the waiting messages, the earliest of the stream first."""

    running: int = 0
    waiting: list[_Waiter] = field(default_factory=list)


@dataclass
class _Organization:
    running: int = 0
    instances: dict[str, _InstanceQueue] = field(default_factory=dict)
    ready: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Instances with a waiting message and a free handler."""


class FairSemaphore:
    """At most `slots` handlers at once, at most `per_instance` of them for one instance.

    Slots go to organizations round-robin, and within one to its instances round-robin. Messages of one instance start
    in the order of the stream.
    """

    def __init__(self, slots: int, per_instance: int) -> None:
        self._slots = slots
        self._per_instance = per_instance
        self._running = 0
        self._organizations: dict[str, _Organization] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def slot(self, organization_id: str, instance_id: str, sequence: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it inside this block. `sequence`: the position of the message in its stream."""
        waiter = _Waiter(sequence, asyncio.get_running_loop().create_future())
        organization = self._organizations.setdefault(organization_id, _Organization())
        queue = organization.instances.setdefault(instance_id, _InstanceQueue())
        heapq.heappush(queue.waiting, waiter)
        self._update_ready(organization_id, instance_id)
        self._grant()
        try:
            await waiter.granted
            yield
        finally:
            self._release(organization_id, instance_id, waiter)

    def _release(self, organization_id: str, instance_id: str, waiter: _Waiter) -> None:
        organization = self._organizations.get(organization_id)
        queue = organization.instances.get(instance_id) if organization else None
        if organization is None or queue is None:
            return  # cancelled while it waited, and removed with the last handler of its instance
        if waiter.has_slot:
            self._running -= 1
            organization.running -= 1
            queue.running -= 1
        else:  # cancelled while it waited
            queue.waiting = [other for other in queue.waiting if other is not waiter]
            heapq.heapify(queue.waiting)
        self._update_ready(organization_id, instance_id)
        self._grant()
        if not (queue.running or queue.waiting):
            organization.instances.pop(instance_id, None)
        if not organization.instances:
            self._organizations.pop(organization_id, None)

    def _update_ready(self, organization_id: str, instance_id: str) -> None:
        """Update both indexes of what could start; they keep the order in which their entries became ready."""
        organization = self._organizations[organization_id]
        queue = organization.instances[instance_id]
        if queue.waiting and queue.running < self._per_instance:
            organization.ready.setdefault(instance_id)
        else:
            organization.ready.pop(instance_id, None)
        if organization.ready:
            self._ready.setdefault(organization_id)
        else:
            self._ready.pop(organization_id, None)

    def _grant(self) -> None:
        while (organization_id := self._next_organization()) is not None:
            organization = self._organizations[organization_id]
            instance_id = next(iter(organization.ready))
            queue = organization.instances[instance_id]
            waiter = heapq.heappop(queue.waiting)
            if waiter.granted.done():  # its task was cancelled, and has not run since
                self._update_ready(organization_id, instance_id)
                continue
            waiter.has_slot = True
            self._running += 1
            organization.running += 1
            queue.running += 1
            organization.ready.move_to_end(instance_id)
            self._ready.move_to_end(organization_id)
            self._update_ready(organization_id, instance_id)
            waiter.granted.set_result(None)

    def _next_organization(self) -> str | None:
        free = self._slots - self._running
        return next((one for one in self._ready if self._organizations[one].running < free), None)


@dataclass
class _UnackedMessage:
    organization_id: str
    size: int
    counted_until: float | None = None
    """For a message with a delayed nak: when it is no longer counted, in seconds of the monotonic clock."""


@dataclass
class _Usage:
    messages: int = 0
    size: int = 0


class FairCapacity:
    """The unacknowledged messages by their sequence in the stream: at most `max_messages`, together `max_size` bytes.

    A message with a delayed nak counts until its redelivery, because JetStream counts it too.
    """

    def __init__(self, max_messages: int, max_size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_messages = max_messages
        self._max_size = max_size
        self._clock = clock
        self._entries: dict[int, _UnackedMessage] = {}
        self._total = _Usage()
        self._by_organization: dict[str, _Usage] = {}
        self._delayed: list[tuple[float, int]] = []

    def __contains__(self, sequence: int) -> bool:
        """It is being handled, and has no delayed nak."""
        return sequence in self._entries and self._entries[sequence].counted_until is None

    def has_capacity(self, organization_id: str, size: int) -> bool:
        """Whether the organization may have one more message of `size` bytes."""
        self._drop_expired()
        usage = self._by_organization.get(organization_id, _Usage())
        may_have_one_more = usage.messages < self._max_messages - self._total.messages
        return may_have_one_more and usage.size + size <= self._max_size - self._total.size

    def add(self, organization_id: str, sequence: int, size: int) -> None:
        """The message was delivered and is being handled."""
        self.remove(sequence)
        self._entries[sequence] = _UnackedMessage(organization_id, size)
        self._count(organization_id, 1, size)

    def delay(self, sequence: int, seconds: float) -> None:
        """It got a delayed nak: for at most `seconds` it counts as a message, without its bytes."""
        self._drop_expired()  # has_capacity may not be called for a long time
        if (entry := self._entries.get(sequence)) is None:
            return
        self._count(entry.organization_id, 0, -entry.size)
        entry.size, entry.counted_until = 0, self._clock() + seconds
        heapq.heappush(self._delayed, (entry.counted_until, sequence))

    def remove(self, sequence: int) -> None:
        """It was acked."""
        if entry := self._entries.pop(sequence, None):
            self._count(entry.organization_id, -1, -entry.size)

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            counted_until, sequence = heapq.heappop(self._delayed)
            if sequence in self._entries and self._entries[sequence].counted_until == counted_until:
                self.remove(sequence)

    def _count(self, organization_id: str, messages: int, size: int) -> None:
        own = self._by_organization.setdefault(organization_id, _Usage())
        for usage in (own, self._total):
            usage.messages += messages
            usage.size += size
        if not own.messages:
            del self._by_organization[organization_id]
