"""Waits for and kills a worker process, a child of the zygote, by a pidfd: never another process that got its id."""

import asyncio
import logging
import os
import signal
from contextlib import suppress

log = logging.getLogger(__name__)


class ProcessHandle:
    """For a running process; `close()` it at the end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd: int | None = None
        with suppress(OSError):  # it has exited already
            self._pidfd = os.pidfd_open(pid)

    async def wait(self, timeout_s: float) -> bool:
        """False: it has not exited within `timeout_s`."""
        if self._pidfd is None:
            return True
        loop = asyncio.get_running_loop()
        exited = asyncio.Event()
        loop.add_reader(self._pidfd, exited.set)
        try:
            await asyncio.wait_for(exited.wait(), timeout_s)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._pidfd)
        return True

    def kill(self) -> None:
        """Nothing happens when it has exited."""
        if self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
