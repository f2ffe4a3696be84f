"""Remaining requests and waiting time of a rate limit."""

import pytest

from services.api.store.rate_counters import WINDOW_MS, RateLimitResult


def count(limit: int, used: int, previous: int, elapsed: int) -> RateLimitResult:
    """`used` of the present window, `previous` of the one before."""
    total = used + previous * (1 - elapsed / WINDOW_MS)
    return RateLimitResult(limit, total < limit, total, used, previous, elapsed)


@pytest.mark.parametrize(
    ("limit", "used", "previous", "elapsed"), [(10, 10, 0, 0), (10, 10, 10, 30_000), (1, 1, 0, 59_999), (10, 5, 20, 0)]
)
def test_after_the_wait_one_more_fits_and_before_it_none(limit: int, used: int, previous: int, elapsed: int) -> None:
    full = count(limit, used, previous, elapsed)

    def weight(seconds: int) -> float:
        at = elapsed + seconds * 1000
        if at < WINDOW_MS:
            return used + previous * (1 - at / WINDOW_MS)
        return max(0.0, used * (2 - at / WINDOW_MS))

    assert weight(full.retry_after_s) + 1 <= limit + 1e-6
    assert full.retry_after_s == 1 or weight(full.retry_after_s - 1) + 1 > limit


def test_what_remains_is_never_negative() -> None:
    assert count(10, 4, 5, 30_000).remaining == 3
    assert count(10, 20, 0, 0).remaining == 0
    assert count(10, 0, 0, 500).reset_s == 60
