"""The folder of one instance: device keys, journal, lock."""

import shutil
from pathlib import Path

_STORE = "device.sqlite"
_KEYS = f"{_STORE}*"


def has_keys(directory: Path) -> bool:
    """Whether the folder has a store of device keys."""
    return (directory / _STORE).exists()


def remove_keys(directory: Path, *, everything: bool) -> None:
    """Delete the device keys, or the whole folder. The connection must have ended. Repeatable."""
    if everything:
        shutil.rmtree(directory, ignore_errors=True)
        return
    for file in directory.glob(_KEYS):
        file.unlink(missing_ok=True)
