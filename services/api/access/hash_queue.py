"""Queue for password hashes. Each takes 46 MiB and a processor, so at most MAX_CONCURRENT_HASHES run at once.

Clients are known (a device, address or user that was authenticated before) or strangers; each kind has its own bounded
queue, and what does not fit is answered 503 at once. Known clients are served first, but at most MAX_CONSECUTIVE_KNOWN
in a row while strangers wait. Within a queue, attempts with the fewest earlier attempts of the same client come first:
many attempts of one client never delay another client's first. The last free slot is reserved for known clients, and
the one before it for first attempts: a flood from one address leaves a slot to other strangers.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from shared.contracts.errors import Problem

MAX_CONCURRENT_HASHES = 3
MAX_QUEUED_HASHES = 32
"""Of known clients, and as many of strangers."""
MAX_HASHES_PER_CLIENT = 8
MAX_CONSECUTIVE_KNOWN = 2
MAX_HASH_WAIT_S = 10.0
STRANGER_COOLDOWN_FACTOR = 4.0
MAX_COOLDOWN_S = 1.0
"""After a stranger's hash its slot stays empty for this many times the duration of the hash, at most MAX_COOLDOWN_S:
the two slots of strangers together use two fifths of a processor."""
RETRY_AFTER_S = 2


@dataclass(frozen=True)
class HashClient:
    """`name`: identifies the client. `known`: a device, an address or a user that was authenticated before."""

    name: str
    known: bool = False


@dataclass(eq=False)
class _Ticket:
    client: HashClient
    earlier_attempts: int
    """Attempts of the same client that waited or ran when this one arrived."""
    sequence: int
    slot_free: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def priority(self) -> tuple[int, int]:
        return (self.earlier_attempts, self.sequence)


class PasswordHashQueue:
    def __init__(self, max_concurrent: int = MAX_CONCURRENT_HASHES, max_queued: int = MAX_QUEUED_HASHES) -> None:
        self._free = max_concurrent
        self._max_queued = max_queued
        self._reserved_for_known = int(max_concurrent > 1)
        self._reserved_for_first_attempts = int(max_concurrent > 2)
        self._queues: dict[bool, list[_Ticket]] = {True: [], False: []}
        """Key: whether the client is known."""
        self._known_in_a_row = 0
        self._admitted: Counter[str] = Counter()
        self._queued: Counter[str] = Counter()
        self._sequence = 0

    @contextmanager
    def admit(self, client: HashClient) -> Iterator[None]:
        """Held around an attempt and its writes, so that a flood from one client does not reach the database.

        Raises Problem 429 `too_many_logins`: MAX_HASHES_PER_CLIENT are admitted already.
        """
        if self._admitted[client.name] >= MAX_HASHES_PER_CLIENT:
            detail = f"more than {MAX_HASHES_PER_CLIENT} logins of one client at once; try again in {RETRY_AFTER_S} s"
            raise Problem(429, "too_many_logins", detail, retry_after=RETRY_AFTER_S)
        with _counted(self._admitted, client.name):
            yield

    @asynccontextmanager
    async def slot(self, client: HashClient) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises Problem 503 `logins_busy` when the queue is full, or after
        MAX_HASH_WAIT_S."""
        self._sequence += 1
        ticket = _Ticket(client, self._queued[client.name], self._sequence)
        with _counted(self._queued, client.name):
            await self._wait_for_slot(ticket)
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                yield
            finally:
                cooldown_s = 0.0 if client.known else STRANGER_COOLDOWN_FACTOR * (loop.time() - began)
                loop.call_later(min(cooldown_s, MAX_COOLDOWN_S), self._release_slot)

    async def _wait_for_slot(self, ticket: _Ticket) -> None:
        if self._has_slot_for(ticket):
            self._free -= 1
            return
        queue = self._queues[ticket.client.known]
        queue.append(ticket)
        if len(queue) > self._max_queued:
            last = max(queue, key=lambda ticket: ticket.priority)
            queue.remove(last)
            if not last.slot_free.done():  # done: cancelled, and its task has not run since
                last.slot_free.set_exception(_busy())
        try:
            async with asyncio.timeout(MAX_HASH_WAIT_S):
                await ticket.slot_free
        except BaseException as error:
            self._abandon(ticket)
            if isinstance(error, TimeoutError):
                raise _busy() from error
            raise

    def _abandon(self, ticket: _Ticket) -> None:
        """If the slot was assigned at the same moment, pass it on."""
        queue = self._queues[ticket.client.known]
        if ticket in queue:
            queue.remove(ticket)
        elif ticket.slot_free.done() and not ticket.slot_free.cancelled() and ticket.slot_free.exception() is None:
            self._release_slot()

    def _release_slot(self) -> None:
        """Assign the free slot to the next ticket."""
        self._free += 1
        while self._free and (ticket := self._next_ticket()):
            self._queues[ticket.client.known].remove(ticket)
            if not ticket.slot_free.done():
                self._free -= 1
                ticket.slot_free.set_result(None)

    def _next_ticket(self) -> _Ticket | None:
        known = min(self._queues[True], key=lambda ticket: ticket.priority, default=None)
        stranger = min(self._queues[False], key=lambda ticket: ticket.priority, default=None)
        if stranger and not self._has_slot_for(stranger):
            stranger = None
        if known and not (stranger and self._known_in_a_row >= MAX_CONSECUTIVE_KNOWN):
            self._known_in_a_row += 1
            return known
        self._known_in_a_row = 0
        return stranger

    def _has_slot_for(self, ticket: _Ticket) -> bool:
        if ticket.client.known:
            return self._free > 0
        return self._free > self._reserved_for_known + (
            self._reserved_for_first_attempts if ticket.earlier_attempts else 0
        )


@contextmanager
def _counted(counter: Counter[str], name: str) -> Iterator[None]:
    counter[name] += 1
    try:
        yield
    finally:
        counter[name] -= 1
        if not counter[name]:
            del counter[name]


def _busy() -> Problem:
    detail = f"more logins are waiting than this server handles at once; try again in {RETRY_AFTER_S} s"
    return Problem(503, "logins_busy", detail, retry_after=RETRY_AFTER_S)
