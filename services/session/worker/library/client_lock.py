"""Who may be inside the native library at the same time.

Its maps of clients are unguarded: a start or stop of one client that overlaps any other call of any client ends the
whole process. So starts and stops are exclusive, everything else is shared.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAP_ACCESS_S = 1.0
"""Seconds after which a call has long left the maps and only waits for WhatsApp: it no longer holds up a start or
stop. Without this one unanswered send (75 s) would delay every other account of the process."""


class NativeClientLock:
    """A readers-writer lock that prefers writers and does not wait for readers older than `lookup` seconds."""

    def __init__(self, lookup: float = MAP_ACCESS_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._map_access_s, self._clock = lookup, clock
        self._condition = threading.Condition()
        self._readers: dict[object, float] = {}
        self._writer_active = False
        self._waiting_writers = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For every call but start and stop."""
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
        """For starts and stops: nobody else is near the maps."""
        with self._condition:
            self._waiting_writers += 1
            try:
                while (pause := self._writer_wait_s()) is None or pause > 0:
                    self._condition.wait(pause)
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
        """Seconds until the youngest reader is out of the maps; None: until somebody says so; 0: go."""
        if self._writer_active:
            return None
        if not self._readers:
            return 0
        return max(0.0, max(self._readers.values()) + self._map_access_s - self._clock())
