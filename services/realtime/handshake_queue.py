"""The order in which connections are opened. Opening one costs work before its client has logged in: a burst from
unknown addresses must not delay what connected sockets send and receive."""

import asyncio
from collections import OrderedDict

from services.realtime.round_robin_semaphore import RoundRobinSemaphore
from shared.contracts.errors import Problem

HANDSHAKE_INTERVAL_S = 0.002
"""Between two connections from unknown addresses: 500 a second, about a third of what one process can open."""
MAX_QUEUED_HANDSHAKES = 2_000
MAX_KNOWN_ADDRESSES = 20_000
"""The least recently seen are forgotten."""


class HandshakeQueue:
    """Addresses from which a client has logged in connect at once; from unknown ones, one connection at a time is
    opened, addresses in turn."""

    def __init__(self, interval_s: float = HANDSHAKE_INTERVAL_S, max_waiting: int = MAX_QUEUED_HANDSHAKES) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()
        self._interval_s = interval_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turns = RoundRobinSemaphore(total=1, per_key=1)

    def mark_known(self, address: str) -> None:
        """A client has logged in from this address."""
        self._known[address] = None
        self._known.move_to_end(address)
        while len(self._known) > MAX_KNOWN_ADDRESSES:
            self._known.popitem(last=False)

    async def wait_turn(self, address: str) -> None:
        """Returns when a connection may be opened. Raises Problem 503 when too many from unknown addresses wait."""
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
