"""In which order transports are opened. Opening one costs before anyone has logged in on it: a burst from unknown
addresses must not delay what sockets in use send and hear."""

import asyncio
from collections import OrderedDict

from services.realtime.round_robin_semaphore import RoundRobinSemaphore
from shared.contracts.errors import Problem

HANDSHAKE_INTERVAL_S = 0.002
"""Between two transports for strangers: 500 a second, about a third of what one process opens."""
MAX_QUEUED_HANDSHAKES = 2_000
MAX_KNOWN_ADDRESSES = 20_000
"""The ones not seen for longest are forgotten."""


class HandshakeQueue:
    """Addresses from which a socket has logged in open theirs at once; strangers one after the other, addresses in
    turn."""

    def __init__(self, pause_s: float = HANDSHAKE_INTERVAL_S, max_waiting: int = MAX_QUEUED_HANDSHAKES) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._interval_s, self._max_waiting = pause_s, max_waiting
        self._waiting = 0
        self._turns = RoundRobinSemaphore(total=1, per_key=1)

    def mark_known(self, address: str) -> None:
        """A socket from there has logged in."""
        self._known[address] = None
        self._known.move_to_end(address)
        while len(self._known) > MAX_KNOWN_ADDRESSES:
            self._known.popitem(last=False)

    async def wait_turn(self, address: str) -> None:
        """Returns when a transport may be opened from there. Raises Problem 503 when too many strangers wait."""
        if address in self._known:
            return
        if self._waiting >= self._max_waiting:
            raise Problem(503, "too_many_sockets", "too many sockets are being opened; try again in a moment")
        self._waiting += 1
        try:
            async with self._turns.slot(address):
                await asyncio.sleep(self._interval_s)
        finally:
            self._waiting -= 1
