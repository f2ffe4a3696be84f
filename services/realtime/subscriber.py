"""How far each socket of an organization has been told. No I/O: what is told when, in which order, exactly once."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple


class ResumeResult(NamedTuple):
    """The sequence a socket was told up to, and whether its client must load the records anew."""

    sequence: int
    must_reload: bool


@dataclass
class SocketPosition:
    """A socket has been told everything behind `began` up to `position`, without what is between the two of `gap`."""

    sid: str
    position: int
    since: int | None = None
    """What it asked for when it connected, until that is looked after."""
    start: int = 0
    gap: tuple[int, int] | None = None
    is_live: bool = False
    must_reload: bool = False
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[ResumeResult] | None = None

    def __post_init__(self) -> None:
        self.start = self.position

    def pause(self) -> None:
        """From now on nothing live."""
        self.is_live = self.must_reload = False

    def request_since(self, since: int) -> None:
        """It wants what followed `since`. A repeated wish changes nothing."""
        if self.position == self.start:  # nothing was told yet; another replica may have told it more than this one
            self.position = self.start = since
        elif since < self.start:  # it has heard the room already: what is older comes late, and only that
            self.gap, self.start = (since, self.start), since

    def is_behind(self, newest: int) -> bool:
        """There is more to read."""
        return self.gap is not None or self.position < newest

    def next_range(self, newest: int) -> tuple[int, int] | None:
        """What to read next, `(behind, up to)`; None when it is up to date and hears the room from here on."""
        if self.gap:
            return self.gap
        if self.position < newest:
            return self.position, newest
        self.is_live = True
        return None

    def advance_to(self, behind: int, sequence: int) -> None:
        """Everything that followed `behind` up to `sequence`."""
        if self.gap and self.gap[0] == behind:
            self.gap = (sequence, self.gap[1]) if sequence < self.gap[1] else None
        else:
            self.position = max(self.position, sequence)

    def skip_to(self, newest: int) -> None:
        """What is older than `newest` is not told; the client loads the records instead."""
        self.gap, self.must_reload, self.is_live = None, True, True
        self.start = self.position = newest

    def mark_behind(self, sequence: int) -> None:
        """The event of this sequence, which it was to be told, could not be told yet."""
        self.is_live, self.position = False, sequence - 1

    def cancel(self) -> None:
        if self.timer:
            self.timer.cancel()
        if self.task:
            self.task.cancel()


@dataclass
class OrganizationRoom:
    """The sockets of one organization on this replica; `sequence`: of the newest event that came from the feed."""

    organization_id: str
    sequence: int = 0
    sockets: dict[str, SocketPosition] = field(default_factory=dict)

    def receivers_of(self, sequence: int) -> list[SocketPosition]:
        """Who is told the event of this sequence."""
        if sequence <= self.sequence:  # the stream was made anew and counts from one again
            for follower in self.sockets.values():
                follower.position = min(follower.position, sequence - 1)
        self.sequence = sequence
        told = []
        for follower in self.sockets.values():
            if follower.is_live and follower.position < sequence:
                follower.position = sequence
                told.append(follower)
        return told
