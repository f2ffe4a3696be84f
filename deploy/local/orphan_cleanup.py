"""Ends the launcher's processes when the launcher itself was killed: `python -m deploy.local.orphan_cleanup`.

The launcher writes `+<group>` and `-<group>` (process groups) into its stdin. When that stream ends without `done`,
the launcher was killed. Unlike a parent-death signal, a pipe works on every POSIX system and for grandchildren too.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_S = 8.0
"""Between SIGTERM and SIGKILL."""


def groups_left(lines: Iterable[str]) -> list[int]:
    """The process groups that still ran when the stream ended, in the order of their start; none after `done`."""
    groups: dict[int, None] = {}
    for line in lines:
        if line.strip() == "done":
            return []
        group = int(line[1:])
        if line.startswith("+"):
            groups[group] = None
        else:
            groups.pop(group, None)
    return list(groups)


def signal_group(group: int, number: int) -> bool:
    """False when the group has no process."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers with the second for a group of zombies
        return False
    return True


def stop_groups(groups: list[int], grace_s: float = GRACE_S) -> None:
    """Sends SIGTERM to every group, the last started first, and SIGKILL after `grace_s` seconds."""
    for group in reversed(groups):
        signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(signal_group(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        signal_group(group, signal.SIGKILL)


def main() -> None:
    """Ignores Ctrl-C: the launcher handles it and then writes `done`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop_groups(groups_left(sys.stdin))


if __name__ == "__main__":
    main()
