"""Fair semaphore and fair capacity: which message starts next, how many of one organization may be unacknowledged."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.messaging.fair_shares import FairCapacity, FairSemaphore


class Stage:
    """Starts handlers that end when they are told."""

    def __init__(self, slots: int, per_instance: int) -> None:
        self.semaphore = FairSemaphore(slots, per_instance)
        self.running: dict[int, tuple[str, str]] = {}
        self.begun: list[int] = []
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._ends: dict[int, asyncio.Event] = {}

    async def start(self, order: int, organization: str, instance: str) -> None:
        self._ends[order] = asyncio.Event()

        async def handle() -> None:
            async with self.semaphore.slot(organization, instance, order):
                self.running[order] = (organization, instance)
                self.begun.append(order)
                await self._ends[order].wait()
                del self.running[order]

        self.tasks[order] = asyncio.create_task(handle())
        await self.settle()

    async def end(self, order: int) -> None:
        self._ends[order].set()
        await self.tasks[order]
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        assert not self.semaphore._organizations
        assert self.semaphore._running == 0
        assert not self.semaphore._ready


async def test_one_organization_leaves_half_and_the_next_is_served_at_once() -> None:
    stage = Stage(8, 8)
    for order in range(20):
        await stage.start(order, "a", f"i{order}")
    assert len(stage.running) == 4
    await stage.start(100, "b", "i")
    assert stage.running[100] == ("b", "i")
    await stage.close()


async def test_an_instance_has_its_own_limit_and_its_order() -> None:
    stage = Stage(16, 2)
    for order in (5, 3, 9, 1, 7):
        await stage.start(order, "a", "i")
    assert stage.begun == [5, 3]
    await stage.end(5)
    await stage.end(1)
    assert stage.begun == [5, 3, 1, 7]
    await stage.start(10, "a", "another")
    assert 10 in stage.running
    await stage.close()


async def test_one_that_is_cancelled_while_it_waits_leaves_nothing() -> None:
    stage = Stage(2, 1)
    await stage.start(1, "a", "i")
    await stage.start(2, "a", "i")
    stage.tasks[2].cancel()
    await stage.settle()
    await stage.start(3, "a", "i")
    await stage.end(1)
    assert stage.begun == [1, 3]
    await stage.close()


async def test_a_whole_instance_is_cancelled_at_once() -> None:
    """The one that runs leaves first and takes the others, which have not learned of it yet, out of the line."""
    stage = Stage(1, 1)
    for order in (1, 2, 3):
        await stage.start(order, "a", "i")
    for task in stage.tasks.values():
        task.cancel()
    ended = await asyncio.gather(*stage.tasks.values(), return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 3
    await stage.close()


async def test_organizations_take_turns() -> None:
    stage = Stage(2, 2)
    await stage.start(0, "z", "i")
    for order, organization in enumerate("aaaabbbb", start=1):
        await stage.start(order, organization, "i")
    for _ in range(8):
        await stage.end(next(iter(stage.running)))
    served = ["aaaabbbb"[order - 1] for order in stage.begun if order]
    assert "aaa" not in "".join(served)
    await stage.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 3)), max_size=60),
    st.integers(1, 12),
    st.integers(1, 5),
)
def test_the_limits_hold_and_nothing_is_forgotten(
    steps: list[tuple[str, str, int]], slots: int, per_instance: int
) -> None:
    async def run() -> None:
        stage = Stage(slots, per_instance)
        for order, (organization, instance, ends) in enumerate(steps):
            await stage.start(order, organization, instance)
            for _ in range(ends):
                if stage.running:
                    await stage.end(next(iter(stage.running)))
            assert len(stage.running) <= slots
            assert max(Counter(stage.running.values()).values(), default=0) <= per_instance
        while stage.running:
            await stage.end(next(iter(stage.running)))
        assert sorted(stage.begun) == list(range(len(steps)))
        for mine in set(steps):
            lane = [order for order in stage.begun if steps[order][:2] == mine[:2]]
            assert lane == sorted(lane)
        await stage.close()

    asyncio.run(run())


def test_room_is_shared_and_what_was_given_back_counts_until_it_comes_again() -> None:
    now = 0.0
    capacity = FairCapacity(10, 1_000, clock=lambda: now)
    for order in range(5):
        assert capacity.has_capacity("a", 10)
        capacity.add("a", order, 10)
    assert not capacity.has_capacity("a", 10)
    assert capacity.has_capacity("b", 10)
    capacity.delay(0, 30)
    assert not capacity.has_capacity("a", 0)
    assert 0 not in capacity
    capacity.add("a", 0, 10)  # redelivered
    assert 0 in capacity
    capacity.delay(0, 30)
    now = 31.0
    assert capacity.has_capacity("a", 10)
    for order in range(1, 5):
        capacity.remove(order)
    assert (capacity._total.messages, capacity._total.size, capacity._by_organization, capacity._entries) == (
        0,
        0,
        {},
        {},
    )


def test_what_comes_again_and_again_is_kept_once() -> None:
    """While MongoDB is away every message is given back every few seconds, and has_capacity is not called."""
    now = 0.0
    capacity = FairCapacity(10, 1_000, clock=lambda: now)
    for step in range(1_000):
        now = 10.0 * step
        capacity.add("a", step % 3, 10)
        capacity.delay(step % 3, 30)
    capacity.add("b", 1_000, 10)
    capacity.delay(1_000, 30)  # it goes to another replica
    now += 60
    capacity.add("a", 5, 10)
    capacity.delay(5, 30)
    assert list(capacity._entries) == [5]
    assert len(capacity._delayed) == 1


def test_room_is_shared_in_bytes_too() -> None:
    capacity = FairCapacity(1_000, 1_000)
    capacity.add("a", 1, 400)
    assert not capacity.has_capacity("a", 300)
    assert capacity.has_capacity("b", 300)


@pytest.mark.parametrize("busy", [1, 2, 4, 9])
def test_so_many_busy_organizations_leave_as_much_as_each_has(busy: int) -> None:
    capacity, order = FairCapacity(1_000, 10**9), 0
    for _ in range(1_000):
        for name in map(str, range(busy)):
            if capacity.has_capacity(name, 1):
                capacity.add(name, order := order + 1, 1)
    assert capacity.has_capacity("next", 1)
    assert 1_000 - capacity._total.messages >= 1_000 // (busy + 1) - 1
