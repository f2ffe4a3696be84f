"""The lock that keeps two processes from connecting one account: WhatsApp would disconnect the first, and their keys
would diverge."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

_LOCK_RETRY_DELAY_S = 0.1


class AccountLock:
    """A lock on a file in the instance's directory; the kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, cancelled: Callable[[float], bool]) -> bool:
        """Block until the lock is free. `cancelled(seconds)` waits that long between two attempts and returns True to
        give up; then the result is False."""
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if cancelled(_LOCK_RETRY_DELAY_S):
                    return False

    def release(self) -> None:
        os.close(self._file)
