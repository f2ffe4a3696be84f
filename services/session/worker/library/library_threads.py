"""Whether a thread of the library works, by the states that the kernel shows of this process's threads.

Looked at are the threads that may have a received message on its way to the callback: those that the library started,
and those of ours that run its loop. All others of ours (senders, forwarders, the proxy) are left out: they wait in
queues, and a message does not reach them before it is in the journal.
"""

import os
import threading
import time
from contextlib import suppress

NATIVE_LOOP_THREAD = "whatsapp"
"""Name of the threads of ours that run the library's loop."""
_THREADS_FOLDER = "/proc/self/task"
_MAX_STAT_BYTES = 256
_LIST_LIFETIME_S = 1.0
"""After this time the threads are listed again, also when their number is the same."""
_BUSY_STATES = b"RD"
"""Runs or waits for a processor (R), waits for the disk (D): proc(5). Threads that wait for the network or for each
other sleep (S)."""


class LibraryThreads:
    """Keeps a file of each thread open, because opening costs more than reading. Used on one thread only."""

    def __init__(self) -> None:
        self._files: dict[int, int] = {}
        """Descriptor of the `stat` file, by thread id."""
        self._counts = (0, 0)
        """Threads of the process and of Python, when they were listed."""
        self._listed_at = float("-inf")
        """By the monotonic clock."""

    def any_busy(self) -> bool:
        """Whether one of them runs, or waits for a processor or the disk. False where there is no such file system."""
        try:
            if self._is_outdated():
                self._list_threads()
            return any(self._is_busy(thread, file) for thread, file in tuple(self._files.items()))
        except OSError:
            return False

    @property
    def thread_ids(self) -> set[int]:
        """Of the threads that the last check looked at."""
        return set(self._files)

    def close(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    def _is_outdated(self) -> bool:
        # the number of links of the folder is that of the threads, and costs a fortieth of listing them
        counts = (os.stat(_THREADS_FOLDER).st_nlink, threading.active_count())
        is_outdated = counts != self._counts or time.monotonic() - self._listed_at > _LIST_LIFETIME_S
        self._counts = counts
        return is_outdated

    def _list_threads(self) -> None:
        listed_at = time.monotonic()
        threads = {int(name) for name in os.listdir(_THREADS_FOLDER)} - _waiting_threads()
        for thread in self._files.keys() - threads:
            os.close(self._files.pop(thread))
        for thread in threads - self._files.keys():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
                self._files[thread] = os.open(f"{_THREADS_FOLDER}/{thread}/stat", os.O_RDONLY | os.O_CLOEXEC)
        self._listed_at = listed_at

    def _is_busy(self, thread: int, file: int) -> bool:
        try:
            line = os.pread(file, _MAX_STAT_BYTES, 0)
        except ProcessLookupError:  # it has ended; its id may be given to another thread
            self._listed_at = float("-inf")
            os.close(self._files.pop(thread))
            return False
        after_name = line.rindex(b")") + 2
        return line[after_name] in _BUSY_STATES


def _waiting_threads() -> set[int]:
    """Ids of the threads that Python started, without those that run the library's loop. A thread of the library that
    has called Python is known there too, as a dummy."""
    return {
        thread.native_id
        for thread in threading.enumerate()
        if thread.native_id is not None
        and thread.name != NATIVE_LOOP_THREAD
        and not isinstance(thread, threading._DummyThread)
    }
