"""Tell JetStream that a message is in progress, so that it is not delivered again while its handler runs."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsMessage
from shared.platform.background import run_once

MAX_EXTENSION_S = 600.0
"""A handler that takes longer hangs; its message is delivered again."""


class AckExtender:
    """The messages of one consumer that are being handled, by their sequence in the stream."""

    def __init__(self, ack_wait: timedelta) -> None:
        self._ack_wait_s = ack_wait.total_seconds()
        self._in_progress: dict[int, tuple[NatsMessage, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._in_progress

    def add(self, sequence: int, raw: NatsMessage) -> None:
        """From now on the time JetStream waits for its ack is extended."""
        self._in_progress[sequence] = (raw, time.monotonic())
        if self._timer is None:
            self._timer = self._next_tick()

    def remove(self, sequence: int) -> None:
        """It was acked or nakked."""
        self._in_progress.pop(sequence, None)

    def clear(self) -> None:
        """Extend nothing any more: all of them are delivered again."""
        self._in_progress.clear()

    def _next_tick(self) -> asyncio.TimerHandle:
        """Three extensions within the time JetStream waits."""
        return asyncio.get_running_loop().call_later(self._ack_wait_s / 3, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._in_progress:
            self._timer = self._next_tick()
            run_once("extension of acks", self._extend())

    async def _extend(self) -> None:
        now = time.monotonic()
        newest, oldest = now - self._ack_wait_s / 4, now - MAX_EXTENSION_S
        for sequence, (raw, added_at) in list(self._in_progress.items()):
            if oldest < added_at < newest and sequence in self._in_progress:
                with suppress(*NATS_OUTAGE_ERRORS):  # it is delivered again then, and recognised by its sequence
                    await raw.in_progress()
