"""Who is next to have a password hashed. Each hash takes 46 MiB and a processor, so only a few run at once.

Known devices come first, but not more than MAX_KNOWN_IN_A_ROW while others wait. Among equals the attempts with the
fewest of the same client before them come first: one client's many attempts never stand before another's first. Known
devices and others have a line each; both are short, and what does not fit is answered 503 at once. The last free slot
is kept for known devices, and the one before it is never given to a second attempt of the same stranger: a flood from
one address leaves a slot to other strangers.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from shared.contracts.errors import Problem

MAX_CONCURRENT_HASHES, MAX_QUEUED_HASHES, MAX_HASHES_PER_CLIENT = 3, 32, 8
MAX_CONSECUTIVE_KNOWN = 2
MAX_HASH_WAIT_S = 10.0
STRANGER_COOLDOWN_FACTOR = 4.0
MAX_COOLDOWN_S = 1.0
"""A slot that a stranger used stays empty for so many times as long: both together take two fifths of a processor."""
RETRY_AFTER_S = 2


@dataclass(frozen=True)
class HashClient:
    """`name`: what counts as one client. `known`: a device, an address or a person that was authenticated before."""

    name: str
    known: bool = False


@dataclass(eq=False)
class _Ticket:
    client: HashClient
    earlier_attempts: int
    """Attempts of the same client that were under way when this one came."""
    sequence: int
    slot_free: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def priority(self) -> tuple[int, int]:
        return (self.earlier_attempts, self.sequence)


class PasswordHashQueue:
    def __init__(self, at_once: int = MAX_CONCURRENT_HASHES, max_waiting: int = MAX_QUEUED_HASHES) -> None:
        self._free, self._max_queued = at_once, max_waiting
        self._reserved_for_known, self._reserved_for_first_attempts = int(at_once > 1), int(at_once > 2)
        self._queues: dict[bool, list[_Ticket]] = {True: [], False: []}
        """By whether the client is known."""
        self._known_in_a_row = 0
        self._admitted: Counter[str] = Counter()
        self._queued: Counter[str] = Counter()
        self._sequence = 0

    @contextmanager
    def admit(self, client: HashClient) -> Iterator[None]:
        """Held from before anything is written for an attempt: a flood from one client does not reach the database.

        Raises Problem 429 `too_many_logins`.
        """
        if self._admitted[client.name] >= MAX_HASHES_PER_CLIENT:
            detail = f"more than {MAX_HASHES_PER_CLIENT} logins of one client at once; try again in {RETRY_AFTER_S} s"
            raise Problem(429, "too_many_logins", detail, retry_after=RETRY_AFTER_S)
        with _counted(self._admitted, client.name):
            yield

    @asynccontextmanager
    async def slot(self, client: HashClient) -> AsyncIterator[None]:
        """Raises Problem 503 `logins_busy`."""
        self._sequence += 1
        ticket = _Ticket(client, self._queued[client.name], self._sequence)
        with _counted(self._queued, client.name):
            await self._wait_for_slot(ticket)
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                yield
            finally:
                rest_s = 0.0 if client.known else STRANGER_COOLDOWN_FACTOR * (loop.time() - began)
                loop.call_later(min(rest_s, MAX_COOLDOWN_S), self._release_slot)

    async def _wait_for_slot(self, ticket: _Ticket) -> None:
        if self._has_slot_for(ticket):
            self._free -= 1
            return
        line = self._queues[ticket.client.known]
        line.append(ticket)
        if len(line) > self._max_queued:
            last = max(line, key=lambda one: one.priority)
            line.remove(last)
            if not last.slot_free.done():  # cancelled, and its task has not run since
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
        """A turn that came at the same moment goes to the next one."""
        line = self._queues[ticket.client.known]
        if ticket in line:
            line.remove(ticket)
        elif ticket.slot_free.done() and not ticket.slot_free.cancelled() and ticket.slot_free.exception() is None:
            self._release_slot()

    def _release_slot(self) -> None:
        """Whoever is first in the line takes the slot that became free."""
        self._free += 1
        while self._free and (ticket := self._next_ticket()):
            self._queues[ticket.client.known].remove(ticket)
            if not ticket.slot_free.done():
                self._free -= 1
                ticket.slot_free.set_result(None)

    def _next_ticket(self) -> _Ticket | None:
        known, other = (min(self._queues[which], key=lambda one: one.priority, default=None) for which in (True, False))
        if other and not self._has_slot_for(other):
            other = None
        if known and not (other and self._known_in_a_row >= MAX_CONSECUTIVE_KNOWN):
            self._known_in_a_row += 1
            return known
        self._known_in_a_row = 0
        return other

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
