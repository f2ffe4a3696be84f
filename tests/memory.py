"""Folders in memory for the data of servers that no test kills: what they write needs no disk."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
PREFIX = f"switchboard-tests-{os.getuid()}-"
NEEDED_BYTES = 2 << 30
"""What has to be free for each process of tests: an empty mongod takes 0.3 GB, and its oplog is bounded."""


@contextmanager
def in_memory(*folders: Path) -> Iterator[None]:
    """Make each of these new folders a link to one in memory; a folder on disk where memory is short."""
    if not _memory_suffices():
        for folder in folders:
            folder.mkdir(parents=True)
        yield
        return
    _delete_leftovers()
    parent, lock = _locked_folder()
    try:
        for number, folder in enumerate(folders):
            (parent / str(number)).mkdir()
            folder.symlink_to(parent / str(number), target_is_directory=True)
        yield
    finally:
        shutil.rmtree(parent, ignore_errors=True)
        os.close(lock)


def _memory_suffices() -> bool:
    if not MEMORY.is_dir():
        return False
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return free >= NEEDED_BYTES * processes


def _locked_folder() -> tuple[Path, int]:
    """A new folder and the descriptor that locks it for as long as this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # another process may have taken it for a leftover before it was locked
            return folder, lock
        os.close(lock)


def _delete_leftovers() -> None:
    """Delete the folders of test runs that were killed: nobody locks them."""
    for folder in MEMORY.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
