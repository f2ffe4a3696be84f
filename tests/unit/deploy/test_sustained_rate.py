"""The search for the highest sustained rate of `bench latency`."""

from collections.abc import Awaitable, Callable

import pytest

from deploy.local.sustained_rate import (
    MAX_RATE_PER_S,
    MIN_RATE_PER_S,
    PRECISION,
    RateTry,
    best_try,
    rate_try,
    result_line,
    search,
    try_line,
)


def server(limit: float) -> Callable[[float], Awaitable[RateTry]]:
    """A server that handles at most `limit` messages per second, for ten seconds."""

    async def attempt(rate: float) -> RateTry:
        return RateTry(rate, rate, 5, 5 + max(0.0, 10 * (rate - limit)))

    return attempt


@pytest.mark.parametrize("limit", [15, 130, 395, 400, 405, 820, 1_100, 1_990])
@pytest.mark.parametrize("start", [100, 400])
async def test_the_highest_sustained_rate_is_found_as_exactly_as_promised(limit: float, start: float) -> None:
    best = best_try(await search(server(limit), start))
    assert best is not None
    noise = 1.02  # growth that still counts as none
    assert limit / PRECISION / noise <= best.rate <= limit * noise


async def test_the_search_ends_at_the_limits_of_the_load_generator() -> None:
    fast, slow = await search(server(10_000), 400), await search(server(1), 400)
    assert result_line(fast) == (
        f"highest sustained rate: {MAX_RATE_PER_S:.0f} messages/s, the highest that the load generator offers"
    )
    assert all(each.rate >= MIN_RATE_PER_S for each in slow)
    assert (best_try(slow), result_line(slow)) == (None, "no rate was sustained")


async def test_a_load_generator_that_is_too_slow_is_named_as_the_limit() -> None:
    async def attempt(rate: float) -> RateTry:
        return RateTry(rate, min(rate, 700), 5, 5)

    tries = await search(attempt, 400)
    best = best_try(tries)
    assert best is not None
    assert best.rate < 700 / 0.97
    assert result_line(tries).endswith("; the load generator was the limit")
    assert any(try_line(each).endswith("the load generator was the limit") for each in tries)


@pytest.mark.parametrize(
    ("backlogs", "sustained"),
    [
        ([10] * 20, True),
        ([90] * 20, True),
        ([100] * 20, False),  # a second of work
        ([10] * 10 + [30] * 10, False),  # grows
        ([10] * 16 + [80, 10, 10, 10], True),  # one batch that is heard late
        ([80] * 10 + [10] * 10, True),  # shrinks
        ([10], True),
    ],
)
def test_a_small_backlog_that_does_not_grow_is_sustained(backlogs: list[int], sustained: bool) -> None:
    assert rate_try(100, 100, backlogs).is_sustained is sustained


def test_without_samples_there_is_no_result() -> None:
    with pytest.raises(ValueError, match="no samples"):
        rate_try(100, 100, [])


def test_a_sustained_rate_above_one_that_was_not_does_not_count() -> None:
    tries = [RateTry(100, 100, 0, 0), RateTry(140, 140, 0, 500), RateTry(196, 196, 0, 0)]
    best = best_try(tries)
    assert best is not None
    assert best.rate == 100


def test_a_try_is_shown_with_its_backlogs() -> None:
    assert try_line(RateTry(400, 399.6, 3, 5)) == "  400/s: 400/s sent, backlog 3 at begin, 5 at end: sustained"
    assert try_line(RateTry(400, 400, 3, 900)).endswith("backlog 3 at begin, 900 at end: not sustained")
