"""A process reserves requests of a busy caller at the shared counters; no caller gets more requests than the limit."""

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from services.api.access.rate_reservations import MAX_RESERVED_SHARE, RESERVATION_LIFETIME_S, RateReservations
from services.api.store.rate_counters import RateLimitResult


class Counters:
    """The counters that all replicas share, within one minute."""

    def __init__(self) -> None:
        self.counted = 0
        self.sizes: list[int] = []

    async def take(self, bucket: str, limit: int, count: int) -> RateLimitResult:
        await asyncio.sleep(0)
        granted = max(0, min(count, limit - self.counted))
        self.counted += granted
        self.sizes.append(count)
        return RateLimitResult(limit, granted > 0, self.counted, self.counted, 0, 0, granted)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def requests(reservations: RateReservations, counters: Counters, limit: int, count: int) -> int:
    """How many of them are allowed."""
    results = await asyncio.gather(*(reservations.take("acme", limit, counters.take) for _ in range(count)))
    return sum(result.taken for result in results)


async def test_a_busy_caller_writes_rarely() -> None:
    counters, reservations = Counters(), RateReservations(Clock())
    assert await requests(reservations, counters, 1_800, 1_000) == 1_000
    assert counters.sizes[:6] == [1, 2, 4, 8, 16, 18]
    assert len(counters.sizes) < 1_000 / 18 + 6


async def test_a_caller_with_few_requests_reserves_one_at_a_time() -> None:
    counters, clock = Counters(), Clock()
    reservations = RateReservations(clock)
    for _ in range(10):
        clock.now += 2
        assert await requests(reservations, counters, 1_800, 1) == 1
    assert counters.sizes == [1] * 10


@given(limit=st.integers(1, 400), replicas=st.integers(1, 4), generator=st.randoms(use_true_random=False))
async def test_all_replicas_together_allow_the_limit_but_for_their_reservations(
    limit: int, replicas: int, generator: random.Random
) -> None:
    counters = Counters()
    each = [RateReservations(Clock()) for _ in range(replicas)]
    allowed = 0
    for _ in range(limit + 50):
        allowed += await requests(generator.choice(each), counters, limit, 1)
    unused = replicas * int(limit * MAX_RESERVED_SHARE)
    assert limit - unused <= allowed <= limit


async def test_small_limits_are_exact_over_all_replicas() -> None:
    counters = Counters()
    each = [RateReservations(Clock()) for _ in range(3)]
    allowed = [await requests(each[number % 3], counters, 150, 1) for number in range(200)]
    assert allowed == [1] * 150 + [0] * 50


async def test_requests_that_were_reserved_too_long_ago_are_not_made() -> None:
    counters, clock = Counters(), Clock()
    reservations = RateReservations(clock)
    await requests(reservations, counters, 1_800, 4)  # 1, 2 and 4 reserved: three are left
    clock.now += RESERVATION_LIFETIME_S + 1
    await requests(reservations, counters, 1_800, 1)
    assert counters.sizes == [1, 2, 4, 2]


async def test_the_remaining_requests_are_those_of_the_caller() -> None:
    counters, reservations = Counters(), RateReservations(Clock())
    remaining = [(await reservations.take("acme", 1_800, counters.take)).remaining for _ in range(100)]
    assert remaining == list(range(1_799, 1_699, -1))


async def test_a_refused_request_is_counted_again_by_the_next() -> None:
    counters, reservations = Counters(), RateReservations(Clock())
    assert await requests(reservations, counters, 2, 5) == 2
    counters.counted = 0  # the minute is over
    assert await requests(reservations, counters, 2, 1) == 1
