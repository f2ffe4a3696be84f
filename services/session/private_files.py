"""Device keys, journals and locks are readable by the service's user only: folders 0700, files 0600."""

import logging
import os
import stat
from pathlib import Path

UMASK = 0o077
"""Set in every process, because it also holds for files that the native library creates."""
log = logging.getLogger(__name__)


def set_private_umask() -> None:
    """Files that this process and its children create from now on cannot be read by others."""
    os.umask(UMASK)


def restrict_permissions(folder: Path) -> int:
    """Remove the permissions of others from the folder and everything in it, which earlier versions granted; links are
    not followed. The number of changed files and folders."""
    changed = int(_restrict(folder))
    for root, folders, files in os.walk(folder):
        changed += sum(_restrict(Path(root) / name) for name in (*folders, *files))
    if changed:
        log.warning("the permissions of others were removed from %d files and folders below %s", changed, folder)
    return changed


def _restrict(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not stat.S_IMODE(mode) & UMASK:
            return False
        path.chmod(stat.S_IMODE(mode) & ~UMASK)
    except OSError as error:  # it was deleted meanwhile, or belongs to another user
        log.warning("the permissions of %s cannot be changed: %s", path, error)
        return False
    return True
