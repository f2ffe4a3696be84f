"""Messages that a process works on: the stream is told so before it would deliver them again."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.platform.background import run_once

MAX_HOLD_S = 600.0
"""Seconds for which a message is kept from redelivery; a handler that takes longer hangs."""


class AckExtender:
    """Of one consumer, by their sequence in the stream. A handler may take longer than `ack_wait`."""

    def __init__(self, ack_wait: timedelta) -> None:
        self._ack_wait_s = ack_wait.total_seconds()
        self._held: dict[int, tuple[Msg, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, order: int) -> bool:
        return order in self._held

    def take(self, order: int, raw: Msg) -> None:
        """From now on it is worked on."""
        self._held[order] = (raw, time.monotonic())
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._ack_wait_s / 3, self._beat)

    def leave(self, order: int) -> None:
        """It is acknowledged or given back."""
        self._held.pop(order, None)

    def clear(self) -> None:
        """None of them is worked on any more."""
        self._held.clear()

    def _beat(self) -> None:
        """Three times within the time the stream waits."""
        self._timer = None
        if not self._held:
            return
        self._timer = asyncio.get_running_loop().call_later(self._ack_wait_s / 3, self._beat)
        run_once("messages in hand", self._keep())

    async def _keep(self) -> None:
        since = time.monotonic() - self._ack_wait_s / 4
        oldest = time.monotonic() - MAX_HOLD_S
        for order, (raw, taken) in list(self._held.items()):
            if oldest < taken < since and order in self._held:
                with suppress(NatsError, OSError):  # redelivered then, and recognised
                    await raw.in_progress()
