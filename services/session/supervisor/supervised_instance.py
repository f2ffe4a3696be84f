"""What the supervisor remembers of one account while this node holds it."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from services.session.ipc.messages import LinkingCode, Start
from services.session.store.connections import Held
from services.session.supervisor.connection_state import (
    STABLE_AFTER_S,
    Outcome,
    interruption_pause,
    refusal_pause,
    retry_pause,
)
from shared.contracts.records import ConnectionStatus

DECISION_TIMEOUT_S = 5.0
MAX_FATAL_STARTS = 2
"""Starts in a row that ended the worker process, after which the account gets a worker process of its own."""


@dataclass
class Account:
    """`lock` is held around every decision, so that commands and news of one account never overlap.

    running: a worker has been told to start it and has not said how it ended. stopping: it was told to stop.
    cause: the command that is being answered. suspended: why the node, not a person, stopped it.
    failures: starts in a row that failed. timer: the next start or the end of a wait. issued: the code being shown.
    taken: another node has it now, this one let go of it. unanswered: WhatsApp did not answer the last send in time.
    refused_number: another phone linked it, so it is being unlinked. changed_number: another phone linked it just now.
    new_chats_restricted_until: by the monotonic clock; WhatsApp refused a message to somebody who never wrote.
    interruptions: the library ended so often without a stable connection between. fatal_starts: starts in a row that
    ended the worker process. started_at: when the last start was told to a worker, by the monotonic clock.
    """

    held: Held
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    running: bool = False
    stopping: bool = False
    cause: str | None = None
    failures: int = 0
    timer: asyncio.Task[None] | None = None
    method: Literal["qr", "code"] = "qr"
    pair_number: str | None = None
    suspended: str | None = None
    issued: LinkingCode | None = None
    taken: bool = False
    unanswered: bool = False
    refused_number: bool = False
    changed_number: bool = False
    new_chats_restricted_until: float = 0.0
    interruptions: int = 0
    fatal_starts: int = 0
    started_at: float = 0.0

    async def decided(self) -> None:
        """Wait for a decision that is under way, a while: others read a new state in MongoDB a moment before it is
        known here, and what they ask for then must not meet the old one."""
        if not self.connected and self.lock.locked():
            with suppress(TimeoutError):
                async with asyncio.timeout(DECISION_TIMEOUT_S), self.lock:
                    pass

    @property
    def instance_id(self) -> str:
        return self.held.instance_id

    @property
    def connected(self) -> bool:
        return self.running and not self.stopping and self.held.status is ConnectionStatus.CONNECTED

    @property
    def new_chats_restricted(self) -> bool:
        return time.monotonic() < self.new_chats_restricted_until

    @property
    def idle(self) -> bool:
        """Nothing goes on and nothing is planned."""
        return not self.running and self.timer is None

    @property
    def pairing(self) -> bool:
        return self.held.status in (ConnectionStatus.QR_PENDING, ConnectionStatus.PAIRING)

    @property
    def coming_back(self) -> bool:
        """It is linked and shall run, and the connection is being made."""
        way = (ConnectionStatus.RECONNECTING, ConnectionStatus.CONNECTING)
        return self.held.linked and self.held.should_run and self.held.status in way

    @property
    def isolated(self) -> bool:
        """It shares no worker process with others."""
        return self.fatal_starts >= MAX_FATAL_STARTS

    def ended(self, *, with_worker: bool) -> None:
        """Its connection ended; `with_worker`: together with the worker process."""
        if time.monotonic() - self.started_at >= STABLE_AFTER_S:
            self.fatal_starts = self.interruptions = 0
        elif with_worker:
            self.fatal_starts += 1

    def pause_before_start(self, outcome: Outcome, fraction: float) -> float:
        """Seconds, counting this failure. `fraction`: 0 to 1, at random."""
        if outcome.then == "at_once":
            self.interruptions += 1
            return interruption_pause(self.interruptions, fraction)
        self.failures += 1
        pause = refusal_pause if outcome.reason == "refused_by_whatsapp" else retry_pause
        return pause(self.failures, fraction)

    def start_frame(self, directory: Path, proxy: str | None) -> Start:
        """What tells a worker to connect it."""
        return Start(
            instance_id=self.instance_id,
            organization_id=self.held.organization_id,
            directory=str(directory),
            method=self.method,
            phone_number=self.pair_number,
            linked=self.held.linked,
            proxy=proxy,
        )

    def cancel_timer(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
