"""Own read receipts wait until the messages they are about have been heard.

They are taken when they are received, while a message that was received before them may still be decrypted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

NO_CALLBACK_S, MAX_RECEIPT_DELAY_S = 0.25, 3.0
"""Seconds without a callback that mean that everything received before was heard; and when to stop waiting for them."""
_POLL_INTERVAL_S = 0.02


class DeferredReceipts:
    """`quiet`: seconds since the last callback. `deliver` gets what was put, in order, on a thread of its own."""

    def __init__(self, quiet: Callable[[], float], deliver: Callable[[bytes], None]) -> None:
        self._seconds_since_callback, self._deliver = quiet, deliver
        self._lock = threading.Lock()
        self._receipts: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._receipts)

    def put(self, item: bytes) -> None:
        with self._lock:
            self._receipts.append(item)
            if len(self._receipts) == 1:
                threading.Thread(target=self._deliver_all, name="deferred", daemon=True).start()

    def _deliver_all(self) -> None:
        end = time.monotonic() + MAX_RECEIPT_DELAY_S
        while self._seconds_since_callback() < NO_CALLBACK_S and time.monotonic() < end:
            time.sleep(_POLL_INTERVAL_S)
        while self._deliver_first():
            pass

    def _deliver_first(self) -> bool:
        """False: nothing is left. What is being delivered still counts as waiting."""
        try:
            self._deliver(self._receipts[0])
        finally:
            with self._lock:
                self._receipts.popleft()
                more = bool(self._receipts)
        return more
