"""The folder of one account: device keys, journal, lock."""

import shutil
from pathlib import Path

_STORE = "device.sqlite"
_KEYS = f"{_STORE}*"


def has_keys(directory: Path) -> bool:
    """Whether the store of the device keys lies here."""
    return (directory / _STORE).exists()


def remove_keys(directory: Path, *, everything: bool) -> None:
    """Forget the device keys, or the whole folder. The connection must have ended; repeatable."""
    if everything:
        shutil.rmtree(directory, ignore_errors=True)
        return
    for file in directory.glob(_KEYS):
        file.unlink(missing_ok=True)
