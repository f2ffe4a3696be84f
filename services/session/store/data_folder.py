"""The data folder of a node: locked by one process, and with an id by which nodes tell their folders apart."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.contracts.ids import new_id

LOCK_TIMEOUT_S = 10.0
"""Time to wait for a process that used the folder before and is just exiting."""
LOCK_RETRY_DELAY_S = 0.1
_LOCK, _ID = "node.lock", "folder-id"


class FolderInUse(RuntimeError):
    """Another process of the session service uses this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"another process of the session service uses the data folder {folder}; only one may run: stop that process"
            " first, or set WA_DATA_DIR to another folder"
        )


@asynccontextmanager
async def lock_data_folder(folder: Path, max_wait_s: float = LOCK_TIMEOUT_S) -> AsyncIterator[None]:
    """Lock the folder while the context lasts; the kernel releases the lock of a process that was killed. Raises
    FolderInUse."""
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _lock(file, folder, max_wait_s)
        yield
    finally:
        os.close(file)


async def _lock(file: int, folder: Path, max_wait_s: float) -> None:
    for _ in range(int(max_wait_s / LOCK_RETRY_DELAY_S) + 1):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            await asyncio.sleep(LOCK_RETRY_DELAY_S)
    raise FolderInUse(folder)


def folder_id(folder: Path) -> str:
    """The id of this folder, wherever it is mounted and whatever its node is called; created when it has none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / _ID
    if file.exists() and (existing := file.read_text().strip()):
        return existing
    created = new_id()
    partial = file.with_suffix(".new")
    partial.write_text(created)
    partial.rename(file)
    return created
