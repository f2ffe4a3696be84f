"""Who may be inside the native library at the same time.

Its maps of clients are unguarded: a start or stop of one client that overlaps any other call of any client ends the
whole process. So starts and stops are exclusive, everything else is shared.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOKUP = 1.0
"""Seconds after which a call has long left the maps and only waits for WhatsApp: it no longer holds up a start or
stop. Without this one unanswered send (75 s) would delay every other account of the process."""


class Gate:
    """A readers-writer lock that prefers writers and does not wait for readers older than `lookup` seconds."""

    def __init__(self, lookup: float = LOOKUP, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup, self._clock = lookup, clock
        self._changed = threading.Condition()
        self._readers: dict[object, float] = {}
        self._writing = False
        self._waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """For every call but start and stop."""
        token = object()
        with self._changed:
            while self._writing or self._waiting:
                self._changed.wait()
            self._readers[token] = self._clock()
        try:
            yield
        finally:
            with self._changed:
                del self._readers[token]
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """For starts and stops: nobody else is near the maps."""
        with self._changed:
            self._waiting += 1
            try:
                while (pause := self._pause()) is None or pause > 0:
                    self._changed.wait(pause)
            finally:
                self._waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _pause(self) -> float | None:
        """Seconds until the youngest reader is out of the maps; None: until somebody says so; 0: go."""
        if self._writing:
            return None
        if not self._readers:
            return 0
        return max(0.0, max(self._readers.values()) + self._lookup - self._clock())
