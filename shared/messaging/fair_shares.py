"""Fair shares of a consumer between organizations and instances (docs/decisions/0029).

Two resources are shared: the handlers that run at once (`FairSemaphore`) and the messages that are delivered and not
acknowledged (`FairCapacity`). Both use the same rule, a dynamic threshold: an organization may take one more while it
has fewer than are free. One busy organization gets half, k busy ones get 1/(k+1) each, and as much stays free for the
next one.
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
    order: int
    granted: asyncio.Future[None] = field(compare=False)
    holds: bool = field(default=False, compare=False)
    """It has a slot."""


@dataclass
class _Lane:
    """One instance: how many handlers run for it, and what waits, the earliest message of the stream first."""

    running: int = 0
    waiting: list[_Waiter] = field(default_factory=list)


@dataclass
class _Organization:
    running: int = 0
    lanes: dict[str, _Lane] = field(default_factory=dict)
    ready: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Instances with a waiting message and a free handler."""


class FairSemaphore:
    """At most `slots` handlers at once, at most `per_instance` of them for one instance; organizations in turn, their
    instances in turn. Messages of one instance begin in the order of the stream."""

    def __init__(self, slots: int, per_instance: int) -> None:
        self._slots, self._per_instance = slots, per_instance
        self._running = 0
        self._organizations: dict[str, _Organization] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def turn(self, organization_id: str, instance_id: str, order: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it inside this block. `order`: the position of the message in its stream."""
        waiter = _Waiter(order, asyncio.get_running_loop().create_future())
        organization = self._organizations.setdefault(organization_id, _Organization())
        lane = organization.lanes.setdefault(instance_id, _Lane())
        heapq.heappush(lane.waiting, waiter)
        self._mark(organization_id, instance_id)
        self._grant()
        try:
            await waiter.granted
            yield
        finally:
            self._leave(organization_id, instance_id, waiter)

    def _leave(self, organization_id: str, instance_id: str, waiter: _Waiter) -> None:
        organization = self._organizations.get(organization_id)
        lane = organization.lanes.get(instance_id) if organization else None
        if organization is None or lane is None:
            return  # cancelled while it waited: the last one of its instance to leave took it out already
        if waiter.holds:
            self._running, organization.running, lane.running = (
                self._running - 1,
                organization.running - 1,
                lane.running - 1,
            )
        else:  # cancelled while it waited
            lane.waiting = [other for other in lane.waiting if other is not waiter]
            heapq.heapify(lane.waiting)
        self._mark(organization_id, instance_id)
        self._grant()
        if not (lane.running or lane.waiting):
            organization.lanes.pop(instance_id, None)
        if not organization.lanes:
            self._organizations.pop(organization_id, None)

    def _mark(self, organization_id: str, instance_id: str) -> None:
        """Keep the indexes of what could run; both keep the order in which they became ready."""
        organization = self._organizations[organization_id]
        lane = organization.lanes[instance_id]
        if lane.waiting and lane.running < self._per_instance:
            organization.ready.setdefault(instance_id)
        else:
            organization.ready.pop(instance_id, None)
        if organization.ready:
            self._ready.setdefault(organization_id)
        else:
            self._ready.pop(organization_id, None)

    def _grant(self) -> None:
        while (chosen := self._next()) is not None:
            organization = self._organizations[chosen]
            instance_id = next(iter(organization.ready))
            lane = organization.lanes[instance_id]
            waiter = heapq.heappop(lane.waiting)
            if waiter.granted.done():  # its task was cancelled, and has not run since
                self._mark(chosen, instance_id)
                continue
            waiter.holds = True
            self._running, organization.running, lane.running = (
                self._running + 1,
                organization.running + 1,
                lane.running + 1,
            )
            organization.ready.move_to_end(instance_id)
            self._ready.move_to_end(chosen)
            self._mark(chosen, instance_id)
            waiter.granted.set_result(None)

    def _next(self) -> str | None:
        free = self._slots - self._running
        return next((one for one in self._ready if self._organizations[one].running < free), None)


@dataclass
class _Entry:
    organization_id: str
    size: int
    until: float | None = None
    """For a message that was given back with a delay: when it is no longer counted, by the monotonic clock."""


@dataclass
class _Usage:
    places: int = 0
    size: int = 0


class FairCapacity:
    """What is delivered and not acknowledged, by its position in the stream; at most `places` messages of together
    `size` bytes. A message that was given back with a delay is not acknowledged either, so it keeps its place."""

    def __init__(self, places: int, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._places, self._size, self._clock = places, size, clock
        self._entries: dict[int, _Entry] = {}
        self._all, self._of = _Usage(), dict[str, _Usage]()
        self._returned: list[tuple[float, int]] = []

    def __contains__(self, order: int) -> bool:
        """It is in hand: not one that was given back."""
        return order in self._entries and self._entries[order].until is None

    def has_room(self, organization_id: str, size: int) -> bool:
        """Whether the organization may have one more message of so many bytes."""
        self._forget_returned()
        mine = self._of.get(organization_id, _Usage())
        more_places = mine.places < self._places - self._all.places
        return more_places and mine.size + size <= self._size - self._all.size

    def enter(self, organization_id: str, order: int, size: int) -> None:
        """It is in hand from now on."""
        self.leave(order)
        self._entries[order] = _Entry(organization_id, size)
        self._count(organization_id, 1, size)

    def give_back(self, order: int, seconds: float) -> None:
        """It comes again; until then, at most so many seconds, it keeps its place but no bytes."""
        self._forget_returned()  # nobody may ask for room for a long time
        if (entry := self._entries.get(order)) is None:
            return
        self._count(entry.organization_id, 0, -entry.size)
        entry.size, entry.until = 0, self._clock() + seconds
        heapq.heappush(self._returned, (entry.until, order))

    def leave(self, order: int) -> None:
        """It was acknowledged."""
        if entry := self._entries.pop(order, None):
            self._count(entry.organization_id, -1, -entry.size)

    def _forget_returned(self) -> None:
        now = self._clock()
        while self._returned and self._returned[0][0] <= now:
            until, order = heapq.heappop(self._returned)
            if order in self._entries and self._entries[order].until == until:
                self.leave(order)

    def _count(self, organization_id: str, places: int, size: int) -> None:
        mine = self._of.setdefault(organization_id, _Usage())
        for usage in (mine, self._all):
            usage.places, usage.size = usage.places + places, usage.size + size
        if not mine.places:
            del self._of[organization_id]
