"""Which calls may be inside the native library at the same time.

The library's maps of clients are not protected: a start or stop of one client that overlaps any other call of any
client ends the whole process. So starts and stops are exclusive; all other calls are shared.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAP_ACCESS_S = 1.0
"""A call that is older has long left the maps and only waits for WhatsApp: starts and stops no longer wait for it.
Otherwise one unanswered send (75 s) would delay every other account of the process."""


class NativeClientLock:
    """A readers-writer lock that prefers writers and does not wait for readers older than `map_access_s` seconds."""

    def __init__(self, map_access_s: float = MAP_ACCESS_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._map_access_s = map_access_s
        self._clock = clock
        self._condition = threading.Condition()
        self._readers: dict[object, float] = {}
        """When each reader entered."""
        self._writer_active = False
        self._waiting_writers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For every call except start and stop."""
        token = object()
        with self._condition:
            while self._writer_active or self._waiting_writers:
                self._condition.wait()
            self._readers[token] = self._clock()
        try:
            yield
        finally:
            with self._condition:
                del self._readers[token]
                self._condition.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """For start and stop: no other call is in the maps."""
        with self._condition:
            self._waiting_writers += 1
            try:
                while (wait_s := self._writer_wait_s()) is None or wait_s > 0:
                    self._condition.wait(wait_s)
            finally:
                self._waiting_writers -= 1
            self._writer_active = True
        try:
            yield
        finally:
            with self._condition:
                self._writer_active = False
                self._condition.notify_all()

    def _writer_wait_s(self) -> float | None:
        """Seconds until the youngest reader has left the maps; 0: a writer may enter; None: wait for a notification."""
        if self._writer_active:
            return None
        if not self._readers:
            return 0
        return max(0.0, max(self._readers.values()) + self._map_access_s - self._clock())
