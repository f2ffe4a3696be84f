"""Device keys, journals and locks belong to the service's user alone: folders 0700, files 0600."""

import logging
import os
import stat
from pathlib import Path

UMASK = 0o077
"""Also for the files the native library makes, so it is set in every process."""
log = logging.getLogger(__name__)


def keep_private() -> None:
    """What this process and its children make from now on, others cannot read."""
    os.umask(UMASK)


def tighten(folder: Path) -> int:
    """Take the rights of others away from the folder and everything in it, as earlier versions left them; links are not
    followed. How many were changed."""
    changed = int(_close(folder))
    for root, folders, files in os.walk(folder):
        changed += sum(_close(Path(root) / name) for name in (*folders, *files))
    if changed:
        log.warning("%d files and folders below %s could be read by others; not any more", changed, folder)
    return changed


def _close(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not stat.S_IMODE(mode) & UMASK:
            return False
        path.chmod(stat.S_IMODE(mode) & ~UMASK)
    except OSError as error:  # it has gone meanwhile, or belongs to somebody else
        log.warning("the rights of %s cannot be changed: %s", path, error)
        return False
    return True
