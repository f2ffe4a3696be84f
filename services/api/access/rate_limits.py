"""Rate limits of requests and of invalid credentials, counted in MongoDB: one budget for REST, sockets and NATS."""

import time
from collections import OrderedDict

from services.api.access.rate_reservations import RateReservations
from services.api.settings import ApiSettings
from services.api.store.rate_counters import RateCounters, RateLimitResult
from shared.contracts.errors import Problem
from shared.platform.mongo import Database
from shared.web.client_addresses import network_of

INVALID_CREDENTIAL_CODES = frozenset(
    {"token_invalid", "api_key_invalid", "invitation_invalid", "password_reset_invalid"}
)
"""Error codes of credentials that were never issued. An expired token, or one of an ended login, is not a guess."""
_MAX_ADDRESSES = 10_000


class RateLimits:
    """Limits of callers, of organizations, and of invalid credentials per client address."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._reservations = RateReservations()
        self._refused_until: OrderedDict[str, float] = OrderedDict()

    async def take(
        self, database: Database, organization_id: str, caller: str, count: int = 1
    ) -> list[RateLimitResult]:
        """Take `count` requests from the caller's bucket, then from the organization's as many as the first one
        granted. Single requests of busy callers are reserved in advance."""
        counters = RateCounters(database.rate_counters)
        buckets = {
            f"{organization_id}:{caller}": self._settings.rate_limit_caller,
            organization_id: self._settings.rate_limit_organization,
        }
        results: list[RateLimitResult] = []
        for name, limit in buckets.items():
            if limit and count == 1:
                results.append(await self._reservations.take(name, limit, counters.take))
            elif limit and count:
                results.append(await counters.take(name, limit, count))
            count = results[-1].granted if results else count
        return results

    async def count_failure(self, database: Database, address: str) -> float:
        """Count an invalid credential. Returns the seconds this address has to wait, 0 below the limit. Above the limit
        nothing is written until then, so that a refusal costs no more than a valid request."""
        client, now = network_of(address), time.monotonic()
        if (remaining_s := self._refused_until.get(client, 0.0) - now) > 0:
            return remaining_s
        count = await RateCounters(database.rate_counters).take(f"failed:{client}", self._settings.rate_limit_failures)
        if count.taken:
            return 0.0
        self._refused_until[client] = now + count.retry_after_s
        self._refused_until.move_to_end(client)
        while len(self._refused_until) > _MAX_ADDRESSES:
            self._refused_until.popitem(last=False)
        return float(count.retry_after_s)

    async def problem_for(self, database: Database, problem: Problem, address: str) -> Problem:
        """The response to a refused credential: `problem`, or 429 after too many from this address.

        Valid credentials from the same address are still accepted.
        """
        wait_s = await self.count_failure(database, address) if problem.code in INVALID_CREDENTIAL_CODES else 0.0
        return too_many_failures_problem(wait_s) if wait_s else problem


def too_many_failures_problem(wait_s: float) -> Problem:
    retry_after = max(1, round(wait_s + 0.5))
    detail = f"too many wrong tokens or keys came from this address; try again in {retry_after} s"
    return Problem(429, "too_many_failures", detail, retry_after=retry_after)
