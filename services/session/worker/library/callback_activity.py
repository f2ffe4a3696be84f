"""How long ago the library last called back, and that nothing is raised into it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


class CallbackActivity:
    """The callbacks of one client; they come on several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running_callbacks, self._last_ended_at = 0, 0.0

    def run_callback(self, handle: Callable[..., Any], *arguments: Any) -> Any:
        """Call it, as part of a callback. None when it raised."""
        with self._lock:
            self._running_callbacks += 1
        try:
            return handle(*arguments)
        except Exception:
            log.exception("a callback failed; what it was told is lost")
            return None
        finally:
            with self._lock:
                self._running_callbacks -= 1
                self._last_ended_at = time.monotonic()

    def restart_quiet_period(self) -> None:
        """Count from now."""
        self._last_ended_at = time.monotonic()

    def seconds_since_callback(self) -> float:
        """Seconds since the last callback; 0 while one is at work."""
        return 0.0 if self._running_callbacks else time.monotonic() - self._last_ended_at
