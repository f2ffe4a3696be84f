"""How long what the library says has to wait, judged by what can be seen of TLS: lengths and times.

An acknowledgement is short and follows a message at once. So what is long (a message of ours) goes out without delay,
and so does everything while no message came in lately. What waits goes out when the process has nothing left to do: on
a machine whose processors are taken by others no time would be long enough.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

HOLD = 0.05
"""Seconds a possible acknowledgement waits; on an idle machine the callback comes within 3 ms, on a busy one later."""
QUIET = 0.004
"""Seconds without a callback that mean that none is on its way: a backlog comes in one after the other."""
HOLD_AT_MOST = 1.0
"""Seconds a record waits at most, when the work never ends."""
IDLE_FOR = 0.002
"""Seconds between two looks at the process that both find it idle: a thread may be about to be woken at the first."""
LATELY = 1.0
"""Seconds after a message came in during which its acknowledgement may follow."""
INCOMING, OUTGOING = 150, 250
"""Bytes: a message is longer, receipts and acknowledgements are shorter. Measured with the simulator for a text of one
letter: 233 come in, 338 go out; the acknowledgement has 78, that of a message in a group 92."""

_HEAD, _KINDS = 5, range(20, 24)

_THREADS = "/proc/self/task"

Quiet = Callable[[], float]


def at_work() -> bool:
    """Another thread of this process runs, waits for a processor or for the disk (states R and D of proc(5)). Those
    that wait for the network or for each other sleep. False where there is no such file system."""
    mine = str(threading.get_native_id())
    try:
        others = [thread for thread in os.listdir(_THREADS) if thread != mine]
    except OSError:
        return False
    return any(_state(thread) in b"RD" for thread in others)


def _state(thread: str) -> bytes:
    try:
        file = os.open(f"{_THREADS}/{thread}/stat", os.O_RDONLY)
        try:
            line = os.read(file, 256)
        finally:
            os.close(file)
    except OSError:  # it has ended
        return b"X"
    after_name = line.rindex(b")") + 2
    return line[after_name : after_name + 1]


def take_records(buffer: bytearray) -> list[bytes]:
    """Take the complete TLS records out of the buffer (RFC 8446, 5.1); bytes that are no TLS are one record."""
    found = []
    while len(buffer) >= _HEAD or (buffer and buffer[0] not in _KINDS):
        end = _HEAD + int.from_bytes(buffer[3:_HEAD], "big") if buffer[0] in _KINDS else len(buffer)
        if end > len(buffer):
            break
        found.append(bytes(buffer[:end]))
        del buffer[:end]
    return found


@dataclass
class Line:
    """One account's way out. `quiet`: seconds since its last callback. `arrived`: when something as long as a message
    came in last, by the monotonic clock."""

    proxy: str | None
    quiet: Quiet
    arrived: float = field(default=float("-inf"))
    idle_at: float = field(default=float("-inf"))
    """When the process was last found to have nothing to do."""

    def came_in(self, size: int) -> None:
        if size >= INCOMING:
            self.arrived = time.monotonic()

    def hold(self, record: bytes, taken: float) -> float:
        """Seconds this record has to wait at least; 0 for what acknowledges nothing."""
        return 0.0 if len(record) >= OUTGOING or taken - self.arrived > LATELY else HOLD
