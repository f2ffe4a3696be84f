"""How long a TLS record of the library is delayed on its way to WhatsApp, judged by lengths and times alone.

An acknowledgement is short and is sent right after a message came in. So long records (our own messages) are never
delayed, nor is any record when no message came in shortly before. A delayed record is sent when the process has nothing
left to do: while other processes keep the machine's processors busy, no fixed time would be long enough.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

ACK_DELAY_S = 0.05
"""Least delay of a possible acknowledgement; on an idle machine the callback comes within 3 ms, on a busy one later."""
MAX_ACK_DELAY_S = 1.0
"""Greatest delay of a record, for a process that is never idle."""
NO_CALLBACK_S = 0.004
"""After this time without a callback none is under way: the callbacks of a backlog follow each other at once."""
IDLE_CONFIRMATION_S = 0.002
"""Time between the two checks that must both find the library idle: at the first one a thread may be about to wake."""
CHECK_INTERVAL_S = 0.01
"""Between two such pairs of checks. An acknowledgement waits longer anyway, and each check reads the states of all
threads."""
ACK_WINDOW_S = 1.0
"""How long after an incoming message its acknowledgement may follow."""
MIN_INCOMING_MESSAGE_BYTES = 150
MIN_OUTGOING_MESSAGE_BYTES = 250
"""A message is at least this long; receipts and acknowledgements are shorter. Measured with the simulator for a text of
one letter: 233 bytes come in, 338 go out; the acknowledgement has 78, that of a message in a group 92; a receipt that
comes in has 122."""

_TLS_HEADER_BYTES = 5
_TLS_CONTENT_TYPES = range(20, 24)

SecondsSinceCallback = Callable[[], float]


def take_tls_records(buffer: bytearray) -> list[bytes]:
    """Remove the complete TLS records (RFC 8446, 5.1) from the buffer; bytes that are no TLS count as one record."""
    records = []
    while len(buffer) >= _TLS_HEADER_BYTES or (buffer and buffer[0] not in _TLS_CONTENT_TYPES):
        if buffer[0] in _TLS_CONTENT_TYPES:
            end = _TLS_HEADER_BYTES + int.from_bytes(buffer[3:_TLS_HEADER_BYTES], "big")
        else:
            end = len(buffer)
        if end > len(buffer):
            break
        records.append(bytes(buffer[:end]))
        del buffer[:end]
    return records


class RecordLengths:
    """The lengths of the TLS records of a stream, without keeping their bytes."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._remaining = 0
        """Bytes of the current record that are still to come."""

    def longest(self, data: bytes) -> int:
        """The length of the longest record that begins or goes on in `data`, with its header; of bytes that are no TLS
        their number. 0 when only a part of a header came."""
        longest = position = 0
        while position < len(data):
            if self._remaining:
                step = min(self._remaining, len(data) - position)
                self._remaining -= step
                position += step
                continue
            if not self._header and data[position] not in _TLS_CONTENT_TYPES:
                return max(longest, len(data) - position)
            part = data[position : position + _TLS_HEADER_BYTES - len(self._header)]
            self._header += part
            position += len(part)
            if len(self._header) == _TLS_HEADER_BYTES:
                self._remaining = int.from_bytes(self._header[3:], "big")
                longest = max(longest, _TLS_HEADER_BYTES + self._remaining)
                self._header.clear()
        return longest


@dataclass
class ProxiedClient:
    """The state of one account's client behind the proxy. Times are those of the monotonic clock."""

    upstream_proxy: str | None
    seconds_since_callback: SecondsSinceCallback
    last_incoming_at: float = float("-inf")
    """When something as long as a message came in last."""
    incoming: RecordLengths = field(default_factory=RecordLengths)

    def note_incoming(self, data: bytes) -> None:
        """A receipt, or WhatsApp's acknowledgement of a message of ours, is shorter than a message; they often come
        together in one packet."""
        if self.incoming.longest(data) >= MIN_INCOMING_MESSAGE_BYTES:
            self.last_incoming_at = time.monotonic()

    def delay_for(self, record: bytes, read_at: float) -> float:
        """The least delay of an outgoing record in seconds; 0 when it cannot be an acknowledgement."""
        if len(record) >= MIN_OUTGOING_MESSAGE_BYTES or read_at - self.last_incoming_at > ACK_WINDOW_S:
            return 0.0
        return ACK_DELAY_S
