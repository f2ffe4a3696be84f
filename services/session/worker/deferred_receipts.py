"""Own read receipts wait until the messages they are about have been heard.

They are taken when they are received, while a message that was received before them may still be decrypted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

QUIET_S, WAIT_AT_MOST_S = 0.25, 3.0
"""Seconds without a callback that mean that everything received before was heard; and when to stop waiting for them."""
_LOOK_EVERY_S = 0.02


class Deferred:
    """`quiet`: seconds since the last callback. `deliver` gets what was put, in order, on a thread of its own."""

    def __init__(self, quiet: Callable[[], float], deliver: Callable[[bytes], None]) -> None:
        self._quiet, self._deliver = quiet, deliver
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: bytes) -> None:
        with self._lock:
            self._waiting.append(item)
            if len(self._waiting) == 1:
                threading.Thread(target=self._run, name="deferred", daemon=True).start()

    def _run(self) -> None:
        end = time.monotonic() + WAIT_AT_MOST_S
        while self._quiet() < QUIET_S and time.monotonic() < end:
            time.sleep(_LOOK_EVERY_S)
        while self._deliver_first():
            pass

    def _deliver_first(self) -> bool:
        """False: nothing is left. What is being delivered still counts as waiting."""
        try:
            self._deliver(self._waiting[0])
        finally:
            with self._lock:
                self._waiting.popleft()
                more = bool(self._waiting)
        return more
