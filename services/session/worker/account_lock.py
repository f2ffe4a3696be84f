"""Two processes never hold one account: WhatsApp would throw the first out, and their keys would diverge."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


class AccountLock:
    """A lock on a file of the instance's directory; the kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self, give_up: Callable[[float], bool]) -> bool:
        """Wait for it. `give_up(seconds)` pauses between attempts and says whether to stop trying."""
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if give_up(0.1):
                    return False

    def release(self) -> None:
        os.close(self._file)
