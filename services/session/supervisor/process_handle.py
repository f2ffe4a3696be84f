"""A worker process, a child of the zygote: waited for, and killed, without ever meeting another that got its id."""

import asyncio
import logging
import os
import signal
from contextlib import suppress

log = logging.getLogger(__name__)


class ProcessHandle:
    """Of a process that runs now. `close()` once nobody asks any more."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file: int | None = None
        with suppress(OSError):  # it has ended already
            self._file = os.pidfd_open(pid)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for its end, at most so many seconds."""
        if self._file is None:
            return True
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._file, end.set)
        try:
            await asyncio.wait_for(end.wait(), timeout_s)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._file)
        return True

    def kill(self) -> None:
        """Nothing happens when it has ended."""
        if self._file is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._file, signal.SIGKILL)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
