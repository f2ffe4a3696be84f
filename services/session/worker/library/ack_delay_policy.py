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

ACK_DELAY_S = 0.05
"""Seconds a possible acknowledgement waits; on an idle machine the callback comes within 3 ms, on a busy one later."""
NO_CALLBACK_S = 0.004
"""Seconds without a callback that mean that none is on its way: a backlog comes in one after the other."""
MAX_ACK_DELAY_S = 1.0
"""Seconds a record waits at most, when the work never ends."""
IDLE_CONFIRMATION_S = 0.002
"""Seconds between two looks at the process that both find it idle: a thread may be about to be woken at the first."""
ACK_WINDOW_S = 1.0
"""Seconds after a message came in during which its acknowledgement may follow."""
MIN_INCOMING_MESSAGE_BYTES, MIN_OUTGOING_MESSAGE_BYTES = 150, 250
"""Bytes: a message is longer, receipts and acknowledgements are shorter. Measured with the simulator for a text of one
letter: 233 come in, 338 go out; the acknowledgement has 78, that of a message in a group 92."""

_TLS_HEADER_BYTES, _TLS_CONTENT_TYPES = 5, range(20, 24)

_THREADS_FOLDER = "/proc/self/task"

SecondsSinceCallback = Callable[[], float]


def process_is_busy() -> bool:
    """Another thread of this process runs, waits for a processor or for the disk (states R and D of proc(5)). Those
    that wait for the network or for each other sleep. False where there is no such file system."""
    mine = str(threading.get_native_id())
    try:
        others = [thread for thread in os.listdir(_THREADS_FOLDER) if thread != mine]
    except OSError:
        return False
    return any(_thread_state(thread) in b"RD" for thread in others)


def _thread_state(thread: str) -> bytes:
    try:
        file = os.open(f"{_THREADS_FOLDER}/{thread}/stat", os.O_RDONLY)
        try:
            line = os.read(file, 256)
        finally:
            os.close(file)
    except OSError:  # it has ended
        return b"X"
    after_name = line.rindex(b")") + 2
    return line[after_name : after_name + 1]


def take_tls_records(buffer: bytearray) -> list[bytes]:
    """Take the complete TLS records out of the buffer (RFC 8446, 5.1); bytes that are no TLS are one record."""
    found = []
    while len(buffer) >= _TLS_HEADER_BYTES or (buffer and buffer[0] not in _TLS_CONTENT_TYPES):
        end = (
            _TLS_HEADER_BYTES + int.from_bytes(buffer[3:_TLS_HEADER_BYTES], "big")
            if buffer[0] in _TLS_CONTENT_TYPES
            else len(buffer)
        )
        if end > len(buffer):
            break
        found.append(bytes(buffer[:end]))
        del buffer[:end]
    return found


@dataclass
class ProxiedClient:
    """One account's way out. `quiet`: seconds since its last callback. `arrived`: when something as long as a message
    came in last, by the monotonic clock."""

    proxy: str | None
    seconds_since_callback: SecondsSinceCallback
    last_incoming_at: float = field(default=float("-inf"))
    idle_at: float = field(default=float("-inf"))
    """When the process was last found to have nothing to do."""

    def note_incoming(self, size: int) -> None:
        if size >= MIN_INCOMING_MESSAGE_BYTES:
            self.last_incoming_at = time.monotonic()

    def delay_for(self, record: bytes, taken: float) -> float:
        """Seconds this record has to wait at least; 0 for what acknowledges nothing."""
        return (
            0.0
            if len(record) >= MIN_OUTGOING_MESSAGE_BYTES or taken - self.last_incoming_at > ACK_WINDOW_S
            else ACK_DELAY_S
        )
