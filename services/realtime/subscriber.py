"""Which events each socket of an organization has received, by their sequence in the stream. No I/O.

The rules that make delivery complete, in order and without repeats are here; rooms.py and catch_up.py do the sending.
"""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple


class ResumeResult(NamedTuple):
    """`sequence`: every event up to here was delivered; `must_reload`: the client must load the records again."""

    sequence: int
    must_reload: bool


@dataclass
class SocketPosition:
    """Delivered: the events in (start, position] except those in `gap`, a range of the same form."""

    sid: str
    position: int
    since: int | None = None
    """The sequence the client named when it connected, until the first catch-up uses it."""
    start: int = 0
    gap: tuple[int, int] | None = None
    is_live: bool = False
    """It receives new events as they come; else they are read for it from the stream."""
    must_reload: bool = False
    timer: asyncio.TimerHandle | None = None
    """Starts the first catch-up unless the client asks for it earlier."""
    task: asyncio.Task[ResumeResult] | None = None
    """The newest catch-up of this socket."""

    def __post_init__(self) -> None:
        self.start = self.position

    def pause(self) -> None:
        """No live events until it is up to date again."""
        self.is_live = self.must_reload = False

    def request_since(self, since: int) -> None:
        """The client wants what followed `since`. Repeating the request changes nothing."""
        if self.position == self.start:  # nothing delivered yet; another replica may have delivered more than this one
            self.position = self.start = since
        elif since < self.start:  # it received live events already: only the older ones are missing
            self.gap, self.start = (since, self.start), since

    def is_behind(self, newest: int) -> bool:
        """There is more to read."""
        return self.gap is not None or self.position < newest

    def next_range(self, newest: int) -> tuple[int, int] | None:
        """The next range (after, until] to read from the stream; None when it is up to date, and live from now on."""
        if self.gap:
            return self.gap
        if self.position < newest:
            return self.position, newest
        self.is_live = True
        return None

    def advance_to(self, sequence: int, after: int) -> None:
        """The events in (after, sequence] were delivered."""
        if self.gap and self.gap[0] == after:
            self.gap = (sequence, self.gap[1]) if sequence < self.gap[1] else None
        else:
            self.position = max(self.position, sequence)

    def skip_to(self, newest: int) -> None:
        """Events up to `newest` are not delivered; the client loads the records instead."""
        self.gap, self.must_reload, self.is_live = None, True, True
        self.start = self.position = newest

    def mark_behind(self, sequence: int) -> None:
        """The live event of this sequence could not be delivered: read it from the stream later."""
        self.is_live = False
        self.position = sequence - 1

    def cancel(self) -> None:
        """The socket is gone."""
        if self.timer:
            self.timer.cancel()
        if self.task:
            self.task.cancel()


@dataclass
class OrganizationRoom:
    """The sockets of one organization at this replica; `sequence`: of the newest event the consumer delivered."""

    organization_id: str
    sequence: int = 0
    sockets: dict[str, SocketPosition] = field(default_factory=dict)

    def advance_to(self, sequence: int) -> list[SocketPosition]:
        """The consumer delivered the event of this sequence; returns the sockets to send it to."""
        if sequence <= self.sequence:  # the stream was deleted and declared again and counts from one
            for socket in self.sockets.values():
                socket.position = min(socket.position, sequence - 1)
        self.sequence = sequence
        receivers = []
        for socket in self.sockets.values():
            if socket.is_live and socket.position < sequence:
                socket.position = sequence
                receivers.append(socket)
        return receivers
