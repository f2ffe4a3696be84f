"""The highest rate of messages in that is sustained: which rates are tried, and what counts as sustained. Pure."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

MAX_BACKLOG_S = 1.0
"""A larger backlog than this many seconds of work is not sustained."""
MAX_GROWTH_S = 0.1
"""Growth of the backlog during one try that is still noise, in seconds of work."""
MIN_GENERATOR_SHARE = 0.97
"""Of the wanted rate: a load generator that sends less was itself the limit."""
STEP, PRECISION, MIN_RATE_PER_S, MAX_RATE_PER_S = 1.4, 1.05, 10.0, 2000.0
"""Factor between the rates that are tried first; factor between the two rates at which the search ends; limits of the
load generator."""
_END_SHARE = 0.2
"""Of the samples of a try: the first ones are its begin, the last ones its end."""


@dataclass(frozen=True)
class RateTry:
    """One rate that was tried. sent_per_s: what the load generator managed. The backlogs are numbers of messages."""

    rate: float
    sent_per_s: float
    backlog_at_begin: float
    backlog_at_end: float

    @property
    def is_limited_by_generator(self) -> bool:
        return self.sent_per_s < MIN_GENERATOR_SHARE * self.rate

    @property
    def is_sustained(self) -> bool:
        growth = self.backlog_at_end - self.backlog_at_begin
        small = self.backlog_at_end < MAX_BACKLOG_S * self.rate and growth <= MAX_GROWTH_S * self.rate
        return small and not self.is_limited_by_generator


def rate_try(rate: float, sent_per_s: float, backlogs: Sequence[int]) -> RateTry:
    """`backlogs`: samples in the order of time. Their medians count, because messages are heard in batches.

    Raises ValueError without samples.
    """
    if not backlogs:
        raise ValueError("no samples of the backlog")
    count = max(1, round(_END_SHARE * len(backlogs)))
    begin, end = statistics.median(backlogs[:count]), statistics.median(backlogs[-count:])
    return RateTry(rate, sent_per_s, begin, end)


async def search(attempt: Callable[[float], Awaitable[RateTry]], start: float) -> list[RateTry]:
    """Raises the rate until it is not sustained (or lowers it until it is), then halves the interval."""
    tries = [await attempt(start)]
    while (rate := _next_rate(tries)) is not None:
        tries.append(await attempt(rate))
    return tries


def best_try(tries: Sequence[RateTry]) -> RateTry | None:
    """The one with the highest sustained rate below every rate that was not sustained."""
    failed = [each.rate for each in tries if not each.is_sustained]
    sustained = [each for each in tries if each.is_sustained and each.rate < min(failed, default=float("inf"))]
    return max(sustained, key=lambda each: each.rate, default=None)


def _next_rate(tries: Sequence[RateTry]) -> float | None:
    """None: the search has ended."""
    lowest_failed = min((each.rate for each in tries if not each.is_sustained), default=None)
    best = best_try(tries)
    if lowest_failed is None:
        highest = max(each.rate for each in tries)
        return min(STEP * highest, MAX_RATE_PER_S) if highest < MAX_RATE_PER_S else None
    if best is None:
        return lowest_failed / STEP if lowest_failed / STEP >= MIN_RATE_PER_S else None
    between = (best.rate * lowest_failed) ** 0.5
    return between if lowest_failed > PRECISION * best.rate else None


def try_line(each: RateTry) -> str:
    """What is printed for one try."""
    outcome = "sustained" if each.is_sustained else "not sustained"
    if each.is_limited_by_generator:
        outcome = "the load generator was the limit"
    backlog = f"backlog {each.backlog_at_begin:.0f} at begin, {each.backlog_at_end:.0f} at end"
    return f"  {each.rate:.0f}/s: {each.sent_per_s:.0f}/s sent, {backlog}: {outcome}"


def result_line(tries: Sequence[RateTry]) -> str:
    """What is printed for the whole search."""
    best = best_try(tries)
    line = f"highest sustained rate: {best.rate:.0f} messages/s" if best else "no rate was sustained"
    failed = [each for each in tries if not each.is_sustained]
    if not failed:
        return f"{line}, the highest that the load generator offers"
    lowest = min(failed, key=lambda each: each.rate)
    return f"{line}; the load generator was the limit" if lowest.is_limited_by_generator else line
