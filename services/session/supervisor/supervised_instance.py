"""One instance that this node owns, as the supervisor keeps it in memory."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from services.session.ipc.messages import LinkingCode, Start
from services.session.supervisor.connection_state import ConnectionState, Phase, RuntimeState
from shared.contracts.instance_records import ConnectionRecord
from shared.contracts.records import ConnectionStatus

DECISION_TIMEOUT_S = 5.0


@dataclass
class SupervisedInstance:
    """`lock` is held during every transition, so that commands and events of one instance never overlap; only
    `suspend` of the node does not wait for it, so no `await` may stand between reading `runtime` and replacing it.

    connection: as MongoDB has it. cause: id of the command that status events name.
    timer: the task that starts or logs out the instance later. linking_code: the code that is shown now.
    ownership_lost: another node owns it, this one has dropped it.
    send_unanswered: WhatsApp did not answer the latest send in time.
    started_at, new_chats_restricted_until: monotonic clock.
    """

    connection: ConnectionRecord
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    runtime: RuntimeState = field(default_factory=RuntimeState)
    cause: str | None = None
    timer: asyncio.Task[None] | None = None
    method: Literal["qr", "code"] = "qr"
    pairing_phone_number: str | None = None
    linking_code: LinkingCode | None = None
    ownership_lost: bool = False
    started_at: float = 0.0
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
            runtime=self.runtime,
            should_run=self.connection.should_run,
            pending_logout=self.connection.pending_logout is not None,
            new_chats_restricted=self.new_chats_restricted,
            running_s=time.monotonic() - self.started_at,
        )

    @property
    def has_worker(self) -> bool:
        return self.runtime.phase is not Phase.IDLE

    @property
    def is_connected(self) -> bool:
        return self.runtime.phase is Phase.RUNNING and self.connection.status is ConnectionStatus.CONNECTED

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

    def on_start_sent(self) -> None:
        self.runtime = self.runtime.on_start_sent()
        self.started_at = time.monotonic()

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
