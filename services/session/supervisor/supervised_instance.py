"""One instance that this node owns, as the supervisor keeps it in memory."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from services.session.ipc.messages import LinkingCode, Start
from services.session.supervisor.connection_state import (
    STABLE_AFTER_S,
    ConnectionState,
    Phase,
    Transition,
    interruption_delay_s,
    refusal_delay_s,
    retry_delay_s,
)
from shared.contracts.instance_records import ConnectionRecord
from shared.contracts.records import ConnectionStatus

DECISION_TIMEOUT_S = 5.0
MAX_CRASHING_STARTS = 2
"""Starts in a row that crashed the worker process, after which the instance gets a worker process of its own."""


@dataclass
class SupervisedInstance:
    """`lock` is held during every transition, so that commands and events of one instance never overlap.

    cause: id of the command that status events name. suspended: why the node closed the connection without a command.
    timer: the task that starts or logs out the instance later. linking_code: the code that is shown now.
    ownership_lost: another node owns it, this one has dropped it.
    failed_starts, interruptions, crashing_starts: in a row; see connection_state.py. started_at: monotonic clock.
    number_refused, number_changed: the phone that linked it has another number than expected (relinking.py).
    send_unanswered: WhatsApp did not answer the latest send in time.
    new_chats_restricted_until: monotonic clock.
    """

    connection: ConnectionRecord
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    phase: Phase = Phase.IDLE
    cause: str | None = None
    suspended: str | None = None
    timer: asyncio.Task[None] | None = None
    method: Literal["qr", "code"] = "qr"
    pairing_phone_number: str | None = None
    linking_code: LinkingCode | None = None
    ownership_lost: bool = False
    failed_starts: int = 0
    interruptions: int = 0
    crashing_starts: int = 0
    started_at: float = 0.0
    number_refused: bool = False
    number_changed: bool = False
    send_unanswered: bool = False
    new_chats_restricted_until: float = 0.0

    async def wait_for_decision(self) -> None:
        """Wait for a transition that is under way, at most DECISION_TIMEOUT_S: callers see a new status in MongoDB
        a moment before it is set here, and their next command must not meet the old one."""
        if not self.is_connected and self.lock.locked():
            with suppress(TimeoutError):
                async with asyncio.timeout(DECISION_TIMEOUT_S), self.lock:
                    pass

    @property
    def instance_id(self) -> str:
        return self.connection.id

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(
            status=self.connection.status,
            phase=self.phase,
            should_run=self.connection.should_run,
            pending_logout=self.connection.pending_logout is not None,
            suspended=self.suspended,
            failed_starts=self.failed_starts,
            number_refused=self.number_refused,
            number_changed=self.number_changed,
            new_chats_restricted=self.new_chats_restricted,
        )

    @property
    def has_worker(self) -> bool:
        return self.phase is not Phase.IDLE

    @property
    def is_connected(self) -> bool:
        return self.phase is Phase.RUNNING and self.connection.status is ConnectionStatus.CONNECTED

    @property
    def new_chats_restricted(self) -> bool:
        return time.monotonic() < self.new_chats_restricted_until

    @property
    def is_idle(self) -> bool:
        """It has no worker and no timer."""
        return not self.has_worker and self.timer is None

    @property
    def is_pairing(self) -> bool:
        return self.connection.status in (ConnectionStatus.QR_PENDING, ConnectionStatus.PAIRING)

    @property
    def is_reconnecting(self) -> bool:
        """It is linked and to run, and not connected yet."""
        connecting = (ConnectionStatus.RECONNECTING, ConnectionStatus.CONNECTING)
        return self.connection.is_linked and self.connection.should_run and self.connection.status in connecting

    @property
    def needs_own_worker(self) -> bool:
        return self.crashing_starts >= MAX_CRASHING_STARTS

    def on_started(self) -> None:
        self.phase = Phase.RUNNING
        self.started_at = time.monotonic()

    def on_ended(self, *, worker_crashed: bool) -> None:
        self.phase = Phase.IDLE
        if time.monotonic() - self.started_at >= STABLE_AFTER_S:
            self.crashing_starts = self.interruptions = 0
        elif worker_crashed:
            self.crashing_starts += 1

    def next_start_delay_s(self, ended: Transition, fraction: float) -> float:
        """Counts this failure. `fraction`: random, 0 to 1."""
        if ended.next == "retry_now":
            self.interruptions += 1
            return interruption_delay_s(self.interruptions, fraction)
        self.failed_starts += 1
        delay_s = refusal_delay_s if ended.reason == "refused_by_whatsapp" else retry_delay_s
        return delay_s(self.failed_starts, fraction)

    def start_frame(self, directory: Path, proxy: str | None) -> Start:
        return Start(
            instance_id=self.instance_id,
            organization_id=self.connection.organization_id,
            directory=str(directory),
            method=self.method,
            phone_number=self.pairing_phone_number,
            linked=self.connection.is_linked,
            proxy=proxy,
        )

    def cancel_timer(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
