"""A semaphore with a limit for each key, which gives free slots to the waiting keys in turn."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class RoundRobinSemaphore:
    """`total` slots, at most `per_key` of them for one key; waiting keys get free slots in turn."""

    def __init__(self, total: int, per_key: int) -> None:
        self._free = total
        self._per_key = per_key
        self._used = Counter[str]()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def is_contended(self, key: str) -> bool:
        """Whether a slot that `key` releases would be given to a waiter at once."""
        return self.has_waiters(key) or (not self._free and bool(self._waiting))

    def has_waiters(self, key: str) -> bool:
        """Whether others wait for a slot of this key."""
        return key in self._waiting

    @asynccontextmanager
    async def slot(self, key: str) -> AsyncIterator[None]:
        """Wait for a slot and hold it inside this block."""
        await self._acquire(key)
        try:
            yield
        finally:
            self._release(key)

    async def _acquire(self, key: str) -> None:
        if self._free and self._used[key] < self._per_key and key not in self._waiting:
            self._take(key)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(waiter)
        self._grant_next()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._release(key)
            else:
                self._remove_waiter(key, waiter)
            raise

    def _take(self, key: str) -> None:
        self._free -= 1
        self._used[key] += 1

    def _release(self, key: str) -> None:
        self._free += 1
        self._used[key] -= 1
        if not self._used[key]:
            del self._used[key]
        self._grant_next()

    def _grant_next(self) -> None:
        for key in list(self._waiting):
            if not self._free:
                return
            if self._used[key] >= self._per_key:
                continue
            waiters = self._waiting[key]
            while waiters and waiters[0].done():  # its task was cancelled
                waiters.popleft()
            if waiters:
                self._take(key)
                waiters.popleft().set_result(None)
                self._waiting.move_to_end(key)
            if not waiters:
                del self._waiting[key]

    def _remove_waiter(self, key: str, waiter: "asyncio.Future[None]") -> None:
        waiters = self._waiting.get(key)
        if waiters and waiter in waiters:
            waiters.remove(waiter)
        if waiters is not None and not waiters:
            del self._waiting[key]
