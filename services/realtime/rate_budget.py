"""Rate limits of callers and of wrong credentials. The api counts both, for REST and sockets together and for all
replicas; while it is unreachable, this process counts for itself."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from services.realtime.payloads import Payload
from services.realtime.token_bucket import TokenBucket
from shared.contracts.errors import Problem
from shared.contracts.message import Query
from shared.contracts.principal import Principal
from shared.contracts.queries import CountFailedCredential, FailedCredentialCounted, RateLimitTaken, TakeRateLimit

RESERVATION_SIZE = 10
"""Requests reserved at the api at once, so that it is not asked for each of them."""
RESERVATION_LIFETIME_S = 60.0
"""Then the rest of a reservation is given up: the api no longer counts it."""
API_RETRY_DELAY_S = 1.0
"""Until an api that did not answer is asked again."""
MAX_REFUSED_S = 5.0
"""A refusal of the api is repeated without asking again for so long at most."""
LOCAL_FAILURES_PER_S, LOCAL_FAILURE_BURST = 0.5, 30
"""Wrong credentials of one address while the api is unreachable."""
MAX_TRACKED_KEYS = 20_000
"""Callers, and addresses; the least recently seen are forgotten."""

EntryKey = TypeVar("EntryKey")
EntryT = TypeVar("EntryT")
RunQuery = Callable[[Query], Awaitable[Payload]]
"""Queries the api. Raises Problem."""


def too_many_failures(retry_after: float) -> Problem:
    """The refusal of further credentials. `retry_after` in seconds."""
    wait = max(1, math.ceil(retry_after))
    detail = f"too many wrong tokens or keys came from this address; try again in {wait} s"
    return Problem(429, "too_many_failures", detail, retryAfter=wait)


@dataclass
class _Reservation:
    """Requests of a caller that the api has counted already."""

    remaining: int = 0
    expires_at: float = 0.0
    refused_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateBudget:
    """Requests of callers. `local_limit`: requests a minute of one caller while the api is unreachable."""

    def __init__(self, query: RunQuery, local_limit: int) -> None:
        self._query = query
        self._local_rate = local_limit / 60
        self._local_burst = max(1, local_limit // 6)
        self._reservations: OrderedDict[tuple[str, str], _Reservation] = OrderedDict()
        self._local_buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()
        self._api_unreachable_until = 0.0

    async def take(self, principal: Principal, count: int = 1) -> None:
        """Count `count` requests. Raises Problem 429 `rate_limited`."""
        caller = (principal.organization_id, principal.subject)
        reservation = _get_or_create(self._reservations, caller, _Reservation)
        async with reservation.lock:
            now = time.monotonic()
            if reservation.refused_until > now:
                raise _rate_limited(reservation.refused_until - now)
            if now > reservation.expires_at:
                reservation.remaining = 0
            if reservation.remaining < count:
                await self._reserve(principal, reservation, count)
            reservation.remaining -= count

    async def _reserve(self, principal: Principal, reservation: _Reservation, count: int) -> None:
        now = time.monotonic()
        taken = None
        if now >= self._api_unreachable_until:
            taken = await self._reserve_at_api(principal, count - reservation.remaining + RESERVATION_SIZE - 1)
        if taken is None:
            self._take_locally(principal, reservation, count, now)
            return
        reservation.remaining += taken.granted
        reservation.expires_at = now + RESERVATION_LIFETIME_S
        if reservation.remaining < count:
            reservation.refused_until = now + min(taken.retry_after, MAX_REFUSED_S)
            raise _rate_limited(taken.retry_after)

    async def _reserve_at_api(self, principal: Principal, count: int) -> RateLimitTaken | None:
        """None while the api is unreachable."""
        query = TakeRateLimit(
            organization_id=principal.organization_id, caller=principal.subject[:128], count=min(count, 100)
        )
        try:
            return RateLimitTaken.model_validate(await self._query(query))
        except Problem:
            self._api_unreachable_until = time.monotonic() + API_RETRY_DELAY_S
            return None

    def _take_locally(self, principal: Principal, reservation: _Reservation, count: int, now: float) -> None:
        caller = (principal.organization_id, principal.subject)
        bucket = _get_or_create(
            self._local_buckets, caller, lambda: TokenBucket.full(self._local_rate, self._local_burst, now)
        )
        reservation.remaining = count
        for _ in range(count):
            if wait := bucket.take(now):
                reservation.remaining = 0
                raise _rate_limited(wait)


class FailureBudget:
    """Wrong tokens sent to sockets, by address."""

    def __init__(self, query: RunQuery) -> None:
        self._query = query
        self._refused_until: OrderedDict[str, float] = OrderedDict()
        self._local_buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def count(self, address: str) -> Problem | None:
        """Count one; returns the refusal when there were too many. Refused ones are not counted."""
        now = time.monotonic()
        if (wait := self._refused_until.get(address, 0.0) - now) > 0:
            return too_many_failures(wait)
        try:
            answer = await self._query(CountFailedCredential(organization_id="unknown", client=address))
            wait = FailedCredentialCounted.model_validate(answer).retry_after
        except Problem:
            bucket = _get_or_create(
                self._local_buckets,
                address,
                lambda: TokenBucket.full(LOCAL_FAILURES_PER_S, LOCAL_FAILURE_BURST, now),
            )
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


def _get_or_create(entries: OrderedDict[EntryKey, EntryT], key: EntryKey, create: Callable[[], EntryT]) -> EntryT:
    """Of at most MAX_TRACKED_KEYS entries."""
    if key not in entries:
        entries[key] = create()
        while len(entries) > MAX_TRACKED_KEYS:
            entries.popitem(last=False)
    entries.move_to_end(key)
    return entries[key]
