"""Delays the read receipts of the owner's other devices until the messages that they name are in the journal.

A receipt is read from the log the moment it comes in, while a message that came in before it may still be decrypted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

RECEIPT_QUIET_PERIOD_S = 0.25
"""After this time without a callback, everything that came in before the receipt has been delivered."""
MAX_RECEIPT_DELAY_S = 3.0
_RECEIPT_POLL_INTERVAL_S = 0.02


class DeferredReceipts:
    """`deliver` gets the receipts in order, on a thread of their own."""

    def __init__(self, seconds_since_callback: Callable[[], float], deliver: Callable[[bytes], None]) -> None:
        self._seconds_since_callback = seconds_since_callback
        self._deliver = deliver
        self._lock = threading.Lock()
        self._receipts: deque[bytes] = deque()
        """The first one stays here until it is delivered."""

    def __len__(self) -> int:
        return len(self._receipts)

    def put(self, receipt: bytes) -> None:
        with self._lock:
            self._receipts.append(receipt)
            if len(self._receipts) == 1:
                threading.Thread(target=self._deliver_all, name="deferred-receipts", daemon=True).start()

    def _deliver_all(self) -> None:
        deadline = time.monotonic() + MAX_RECEIPT_DELAY_S
        while self._seconds_since_callback() < RECEIPT_QUIET_PERIOD_S and time.monotonic() < deadline:
            time.sleep(_RECEIPT_POLL_INTERVAL_S)
        while self._deliver_first():
            pass

    def _deliver_first(self) -> bool:
        """Whether another receipt is left."""
        try:
            self._deliver(self._receipts[0])
        finally:
            with self._lock:
                self._receipts.popleft()
                has_more = bool(self._receipts)
        return has_more
