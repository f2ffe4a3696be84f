"""Waits for the moments at which the library has no received message on its way to a callback.

One watch serves all accounts of a worker: however many acknowledgements are delayed, the threads are looked at once.
"""

import asyncio
import time
from dataclasses import dataclass

from services.session.worker.library.ack_delay_policy import (
    CHECK_INTERVAL_S,
    IDLE_CONFIRMATION_S,
    NO_CALLBACK_S,
    SecondsSinceCallback,
)
from services.session.worker.library.library_threads import LibraryThreads
from shared.platform.background import run_once


@dataclass(frozen=True)
class _Waiter:
    """`since`: monotonic seconds; a check counts that began later. `idle_at`: when such a check began."""

    seconds_since_callback: SecondsSinceCallback
    since: float
    idle_at: asyncio.Future[float]


class IdleWatch:
    """Used on one event loop. It looks at the threads only while a call of `wait` is pending."""

    def __init__(self, threads: LibraryThreads) -> None:
        self._threads = threads
        self._waiters: list[_Waiter] = []
        self._is_running = False

    async def wait(self, seconds_since_callback: SecondsSinceCallback, since: float, timeout_s: float) -> float:
        """Wait until no callback of the account runs and no thread of the library works, both seen after `since`.

        Returns when that was (monotonic seconds), minus infinity when it was not seen within `timeout_s` seconds.
        """
        waiter = _Waiter(seconds_since_callback, since, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        if not self._is_running:
            self._is_running = True
            run_once("idle-watch", self._run())
        try:
            return await asyncio.wait_for(waiter.idle_at, timeout_s)
        except TimeoutError:
            return float("-inf")
        finally:
            self._waiters.remove(waiter)

    async def _run(self) -> None:
        try:
            while self._waiters:
                await self._check()
                await asyncio.sleep(CHECK_INTERVAL_S)
        finally:
            self._is_running = False

    async def _check(self) -> None:
        checked_at = time.monotonic()
        waiters = [
            waiter
            for waiter in self._waiters
            if waiter.since < checked_at and waiter.seconds_since_callback() >= NO_CALLBACK_S
        ]
        if not waiters or self._threads.any_busy():
            return
        await asyncio.sleep(IDLE_CONFIRMATION_S)
        if not self._threads.any_busy():
            for waiter in waiters:
                if not waiter.idle_at.done():
                    waiter.idle_at.set_result(checked_at)
