"""Remembers for a moment who a token or API key belongs to, so that a caller with many requests is not looked up in
MongoDB for each.

An access that ends, or changes, counts at once in the process that ended it (`clear`), on the other replicas as soon as
they have the event AccessRevoked, and after CALLER_LIFETIME_S seconds in any case.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.contracts.principal import Principal
from shared.platform.background import start_awaited

CALLER_LIFETIME_S = 0.9
"""Less than a second, within which the end of an access counts on every replica, also when an event was lost."""
MAX_CALLERS = 10_000


@dataclass(frozen=True)
class _KnownCaller:
    principal: Principal
    loaded_at: float
    """When loading began, by the monotonic clock."""


class CallerCache:
    """Refusals are not remembered. Concurrent requests with the same token share one lookup."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, _KnownCaller] = OrderedDict()
        self._lookups: dict[bytes, asyncio.Task[Principal]] = {}

    async def find(self, token: str, look_up: Callable[[str], Awaitable[Principal]]) -> Principal:
        """Raises what `look_up` raises."""
        key = hashlib.blake2b(token.encode(), digest_size=32).digest()
        known = self._known.get(key)
        if known and self._is_current(known):
            return known.principal
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = start_awaited("caller lookup", self._load(key, token, look_up))
            lookup.add_done_callback(lambda done: self._forget_lookup(key, done))
        return await asyncio.shield(lookup)

    def clear(self, organization_id: str) -> None:
        """Forget all callers of the organization. A lookup that has begun is not shared or remembered any more."""
        self._lookups.clear()
        for key in [key for key, known in self._known.items() if known.principal.organization_id == organization_id]:
            del self._known[key]

    async def _load(self, key: bytes, token: str, look_up: Callable[[str], Awaitable[Principal]]) -> Principal:
        loaded_at, own_task = self._clock(), asyncio.current_task()
        principal = await look_up(token)
        if self._lookups.get(key) is own_task:  # nothing was cleared meanwhile
            self._known[key] = _KnownCaller(principal, loaded_at)
            self._known.move_to_end(key)
            if len(self._known) > MAX_CALLERS:
                self._known.popitem(last=False)
        return principal

    def _is_current(self, known: _KnownCaller) -> bool:
        expires_at = known.principal.expires_at
        is_expired = expires_at is not None and expires_at <= time.time()
        return not is_expired and self._clock() - known.loaded_at < CALLER_LIFETIME_S

    def _forget_lookup(self, key: bytes, lookup: asyncio.Task[Principal]) -> None:
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
        if not lookup.cancelled():
            lookup.exception()  # retrieved also when every waiter was cancelled
