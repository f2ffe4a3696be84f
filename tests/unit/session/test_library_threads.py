"""Only threads of the library, and those of ours that run its loop, count as busy."""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from services.session.worker.library.library_threads import NATIVE_LOOP_THREAD, LibraryThreads

MAX_WAIT_S = 60.0


@contextmanager
def thread(name: str, work: Callable[[threading.Event], object]) -> Iterator[int]:
    """Runs `work` on a thread until the event is set. → its id"""
    ended = threading.Event()
    started = threading.Thread(target=work, args=(ended,), name=name, daemon=True)
    started.start()
    assert started.native_id
    try:
        yield started.native_id
    finally:
        ended.set()
        started.join()


def spin(ended: threading.Event) -> None:
    while not ended.is_set():
        pass


def eventually(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + MAX_WAIT_S
    while time.monotonic() < deadline:
        if condition():
            return True
    return False


@pytest.fixture
def threads() -> Iterator[LibraryThreads]:
    threads = LibraryThreads()
    yield threads
    threads.close()


def test_a_busy_thread_that_runs_the_loop_of_the_library_counts(threads: LibraryThreads) -> None:
    with thread(NATIVE_LOOP_THREAD, spin) as thread_id:
        assert eventually(lambda: threads.any_busy() and thread_id in threads.thread_ids)
    assert eventually(lambda: not threads.any_busy())


def test_other_threads_of_ours_do_not_count(threads: LibraryThreads) -> None:
    with thread("sender", spin) as sender, thread(NATIVE_LOOP_THREAD, threading.Event.wait) as loop:
        assert eventually(lambda: not threads.any_busy() and loop in threads.thread_ids)
        assert not {sender, threading.main_thread().native_id} & threads.thread_ids


def test_a_busy_thread_that_python_does_not_know_counts(threads: LibraryThreads) -> None:
    """Like those that the Go library starts: pthread_create runs a function of the C library that spins."""
    libc = ctypes.CDLL(None)
    lock, identifier = (ctypes.c_byte * 64)(), ctypes.c_ulong()
    assert eventually(lambda: not threads.any_busy())
    libc.pthread_spin_init(lock, 0)
    libc.pthread_spin_lock(lock)
    spin_lock = ctypes.cast(libc.pthread_spin_lock, ctypes.c_void_p)
    assert libc.pthread_create(ctypes.byref(identifier), None, spin_lock, lock) == 0
    assert all(threads.any_busy() for _ in range(100))
    libc.pthread_spin_unlock(lock)
    assert libc.pthread_join(identifier, None) == 0
    assert eventually(lambda: not threads.any_busy())


def test_threads_that_have_ended_are_not_looked_at_any_more(threads: LibraryThreads) -> None:
    ended = set()
    for _ in range(20):
        with thread(NATIVE_LOOP_THREAD, threading.Event.wait) as thread_id:
            threads.any_busy()
            ended.add(thread_id)
    assert eventually(lambda: not threads.any_busy() and not threads.thread_ids & ended)
