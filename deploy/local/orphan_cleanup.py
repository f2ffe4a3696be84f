"""Ends what the launcher started when the launcher itself was killed: `python -m deploy.local.orphan_cleanup`.

The launcher writes `+<group>` and `-<group>` lines into its stdin; the end of that stream without `done` before it
means that the launcher is gone. A pipe says so on every POSIX system and for grandchildren too.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE = 8.0
"""Seconds between the request to stop and the kill."""


def groups_left(lines: Iterable[str]) -> list[int]:
    """The process groups still running when the stream ended; none after `done`. The order is that of the starts."""
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
    """False when nobody is left in the group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS answers with the second for a group of zombies
        return False
    return True


def reap(groups: list[int], grace: float = GRACE) -> None:
    """Ask every group to stop, the last started first; kill what is left after the grace."""
    for group in reversed(groups):
        signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(signal_group(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        signal_group(group, signal.SIGKILL)


def main() -> None:
    """Ctrl-C is for the launcher, which then says `done`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    reap(groups_left(sys.stdin))


if __name__ == "__main__":
    main()
