"""Reserves requests of busy callers at the shared counters, so that not every request writes to MongoDB."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from services.api.store.rate_counters import WINDOW_MS, RateLimitResult

RESERVATION_LIFETIME_S = 10.0
"""Requests that are reserved and not made within this time stay counted, and are not made any more."""
BUSY_S = 1.0
"""When a reservation is used up within this time, the next one is twice as large, else half as large."""
MAX_RESERVED_SHARE = 0.01
"""Of a limit: what one process has reserved at most. So limits below 200 requests are counted one by one."""
MAX_BUCKETS = 20_000

TakeFromCounters = Callable[[str, int, int], Awaitable[RateLimitResult]]
"""(bucket, limit, count) → what the counters that all replicas share grant."""


@dataclass
class _Reservation:
    """`answer`: of the counters. `remaining`: requests that were granted and not made yet."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: RateLimitResult | None = None
    size: int = 1
    remaining: int = 0
    reserved_at: float = float("-inf")
    """By the monotonic clock."""


class RateReservations:
    """Requests count in the window in which they are reserved, and in it a caller never gets more than the limit. Each
    replica may use MAX_RESERVED_SHARE of the limit in the next window only; and a caller may be refused while as much
    is reserved, and not used, on each of the other replicas."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Reservation] = OrderedDict()

    async def take(self, bucket: str, limit: int, take: TakeFromCounters) -> RateLimitResult:
        """Count one request."""
        reservation = self._reservation(bucket)
        async with reservation.lock:
            now = self._clock()
            if now - reservation.reserved_at > RESERVATION_LIFETIME_S:
                reservation.remaining = 0
            if not reservation.remaining:
                size = _next_size(reservation.size, now - reservation.reserved_at, limit)
                reservation.answer = await take(bucket, limit, size)
                reservation.size = size
                reservation.remaining = reservation.answer.granted
                reservation.reserved_at = self._clock()
            answer = reservation.answer
            assert answer is not None
            if not answer.granted:
                return answer
            reservation.remaining -= 1
            elapsed_ms = answer.elapsed_ms + int(1000 * (self._clock() - reservation.reserved_at))
            used = answer.used - reservation.remaining
            return replace(answer, used=used, granted=1, elapsed_ms=elapsed_ms % WINDOW_MS)

    def _reservation(self, bucket: str) -> _Reservation:
        reservation = self._buckets.setdefault(bucket, _Reservation())
        self._buckets.move_to_end(bucket)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return reservation


def _next_size(size: int, used_up_after_s: float, limit: int) -> int:
    wanted = 2 * size if used_up_after_s < BUSY_S else size // 2
    return max(1, min(wanted, int(limit * MAX_RESERVED_SHARE)))
