"""How much callers may ask and strangers may guess. The api counts both, for REST and sockets together and for all
replicas; while it is away, this process counts by itself."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from services.realtime.token_bucket import TokenBucket
from shared.contracts.errors import Problem
from shared.contracts.message import Query
from shared.contracts.principal import Principal
from shared.contracts.queries import CountFailedCredential, TakeRateLimit

RESERVATION_SIZE = 10
"""Requests reserved at once, so that not each of them asks the api."""
RESERVATION_LIFETIME_S = 60.0
"""Seconds after which what is left of a block is given up: the api no longer counts it."""
API_RETRY_DELAY_S = 1.0
"""Seconds until an api that did not answer is asked again."""
_FAILURES = (0.5, 30)
"""Wrong credentials a second of one address, and how many at once, while the api is away."""
MAX_TRACKED_KEYS = 20_000
"""Callers, and addresses, that are remembered; the ones not seen for longest are forgotten."""

K = TypeVar("K")
V = TypeVar("V")
RunQuery = Callable[[Query], Awaitable[dict[str, Any]]]
"""Asks the api. Raises Problem."""


def too_many_failures(retry_after: float) -> Problem:
    """The refusal of one more wrong credential."""
    wait = max(1, math.ceil(retry_after))
    detail = f"too many wrong tokens or keys came from this address; try again in {wait} s"
    return Problem(429, "too_many_failures", detail, retryAfter=wait)


@dataclass
class _Reservation:
    remaining: int = 0
    expires_at: float = 0.0
    refused_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateBudget:
    """Of callers. alone: requests a minute a caller may make while the api is away."""

    def __init__(self, rpc_request: RunQuery, alone: int) -> None:
        self._query, self._rate, self._burst = rpc_request, alone / 60, max(1, alone // 6)
        self._reserved: OrderedDict[tuple[str, str], _Reservation] = OrderedDict()
        self._local_buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()
        self._api_unreachable_until = 0.0

    async def take(self, principal: Principal, count: int = 1) -> None:
        """Raises Problem 429 `rate_limited`."""
        caller = (principal.organization_id, principal.subject)
        own = _get_or_create(self._reserved, caller, _Reservation)
        async with own.lock:
            now = time.monotonic()
            if own.refused_until > now:
                raise _rate_limited(own.refused_until - now)
            if now > own.expires_at:
                own.remaining = 0
            if own.remaining < count:
                await self._reserve(principal, own, count)
            own.remaining -= count

    async def _reserve(self, principal: Principal, own: _Reservation, count: int) -> None:
        caller, now = (principal.organization_id, principal.subject), time.monotonic()
        answer = (
            await self._reserve_at_api(principal, count - own.remaining + RESERVATION_SIZE - 1)
            if now >= self._api_unreachable_until
            else None
        )
        if answer is None:
            own.remaining = count
            bucket = _get_or_create(
                self._local_buckets, caller, lambda: TokenBucket(self._rate, self._burst, self._burst, now)
            )
            for _ in range(count):
                if wait := bucket.take(now):
                    own.remaining = 0
                    raise _rate_limited(wait)
            return
        own.remaining += int(answer["granted"])
        own.expires_at = now + RESERVATION_LIFETIME_S
        if own.remaining < count:
            wait = float(answer["retry_after"])
            own.refused_until = now + min(wait, 5.0)
            raise _rate_limited(wait)

    async def _reserve_at_api(self, principal: Principal, count: int) -> dict[str, Any] | None:
        """None while the api is away."""
        question = TakeRateLimit(
            organization_id=principal.organization_id, caller=principal.subject[:128], count=min(count, 100)
        )
        try:
            return await self._query(question)
        except Problem:
            self._api_unreachable_until = time.monotonic() + API_RETRY_DELAY_S
            return None


class FailureBudget:
    """Of addresses: wrong tokens that were shown to sockets."""

    def __init__(self, rpc_request: RunQuery) -> None:
        self._query = rpc_request
        self._refused_until: OrderedDict[str, float] = OrderedDict()
        self._local_buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def count(self, address: str) -> Problem | None:
        """Count one; the refusal when there were too many, which is counted no further."""
        now = time.monotonic()
        if (left := self._refused_until.get(address, 0.0) - now) > 0:
            return too_many_failures(left)
        try:
            answer = await self._query(CountFailedCredential(organization_id="unknown", client=address))
            wait = float(answer["retry_after"])
        except Problem:
            bucket = _get_or_create(self._local_buckets, address, lambda: TokenBucket(*_FAILURES, _FAILURES[1], now))
            wait = bucket.take(now)
        if not wait:
            return None
        _get_or_create(self._refused_until, address, float)
        self._refused_until[address] = now + wait
        return too_many_failures(wait)


def _rate_limited(wait: float) -> Problem:
    retry_after = math.ceil(wait * 1000) / 1000
    detail = f"too many requests of this caller, over REST and sockets together; try again in {retry_after} s"
    return Problem(429, "rate_limited", detail, retryAfter=retry_after)


def _get_or_create(known: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    if key not in known:
        known[key] = make()
        while len(known) > MAX_TRACKED_KEYS:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]
