"""When the library called back last; also keeps exceptions from being raised into the library."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)


class CallbackActivity:
    """The callbacks of one client; they come on several threads of the library."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running_callbacks = 0
        self._last_ended_at = 0.0
        """By the monotonic clock."""

    def run_callback(self, handle: Callable[[*Ts], R], *arguments: *Ts) -> R | None:
        """Call `handle` and return its result; None when it raised."""
        with self._lock:
            self._running_callbacks += 1
        try:
            return handle(*arguments)
        except Exception:
            log.exception("a callback failed; what the library passed to it is lost")
            return None
        finally:
            with self._lock:
                self._running_callbacks -= 1
                self._last_ended_at = time.monotonic()

    def restart_quiet_period(self) -> None:
        """Count the seconds from now, as if a callback had just ended."""
        self._last_ended_at = time.monotonic()

    def seconds_since_callback(self) -> float:
        """Seconds since the last callback ended; 0 while one runs."""
        return 0.0 if self._running_callbacks else time.monotonic() - self._last_ended_at
