"""How often a login may be tried. Counted in this process only: with several replicas the bound holds for each."""

from collections import OrderedDict, deque

from shared.errors import Problem

WINDOW = 300.0
"""Seconds a failure counts."""
_MOST_KEYS = 10_000


class LoginBound:
    """At most `failures` failed logins per key within WINDOW; times are monotonic seconds.

    An attempt counts as failed from its start, so that many at the same time gain nothing.
    """

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self._seen: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def attempt(self, key: tuple[str, str], now: float) -> None:
        """Count one. Raises Problem 429 `too_many_logins` with the seconds to wait."""
        seen = self._seen.setdefault(key, deque(maxlen=self._failures))
        self._seen.move_to_end(key)
        while len(self._seen) > _MOST_KEYS:
            self._seen.popitem(last=False)
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) >= self._failures:
            wait = int(seen[0] + WINDOW - now) + 1
            raise Problem(429, "too_many_logins", f"too many failed logins; try again in {wait} s", retry_after=wait)
        seen.append(now)

    def succeeded(self, key: tuple[str, str]) -> None:
        """Forget the failures of this key."""
        self._seen.pop(key, None)
