"""The accounts this node holds: started, stopped, brought back, by what people ask and what WhatsApp says."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.session.ipc.messages import ConnectionUpdate, Frame, LinkingCode, Stop
from services.session.store.connections import Held
from services.session.store.device_keys import has_keys, remove_keys
from services.session.supervisor.connection_state import Outcome, outcome_of
from services.session.supervisor.connection_status import Board, TakenOver
from services.session.supervisor.device_linking import Linking, shown
from services.session.supervisor.supervised_instance import Account
from services.session.supervisor.worker_pool import Pool
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.platform.background import run_once

RESTRICTION_PAUSE = timedelta(minutes=1)
"""How long after the end of a restriction the account is tried again."""
LOGOUT_LIMIT = 15.0
"""Seconds an account that shall be logged out has to connect, so that WhatsApp can be told."""
WORKER_ENDED = "the worker process ended"
log = logging.getLogger(__name__)

ProxyOf = Callable[[Network], Awaitable[str | None]]


class Accounts:
    """What changes an account happens inside `deciding`, so that nothing about one account overlaps."""

    def __init__(self, board: Board, data_dir: Path, proxy_of: ProxyOf, linking: Linking) -> None:
        self._linking = linking
        self._board, self._data_dir, self._proxy_of = board, data_dir, proxy_of
        self._accounts: dict[str, Account] = {}
        self.pool: Pool | None = None
        self._closed: str | None = None

    def get(self, instance_id: str) -> Account | None:
        return self._accounts.get(instance_id)

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    def add(self, held: Held) -> Account:
        """Hold it from now on."""
        return self._accounts.setdefault(held.instance_id, Account(held))

    @asynccontextmanager
    async def deciding(self, account: Account) -> AsyncIterator[Account]:
        """Alone with the account. When another node took it over, this one lets go of it (`taken`)."""
        async with account.lock:
            try:
                yield account
            except TakenOver:
                log.error("%s belongs to another node now", account.instance_id)
                account.taken = True
                self._tell(account, Stop(instance_id=account.instance_id))
                self.forget(account)

    # --- asked

    async def start(self, account: Account, reason: str | None = None) -> None:
        """Hand the account to a worker; a failure to get one is tried again after a pause."""
        account.cancel_timer()
        account.stopping, account.suspended = False, self._closed
        if not self.has_keys(account.held):  # never a logout: they may lie in another folder
            await self._board.show(account, S.FAILED, "keys_missing")
            account.cause = None
            return
        await self._board.show(account, S.RECONNECTING if account.held.linked else S.CONNECTING, reason)
        assert self.pool
        if await self._suspended(account):
            return
        try:
            proxy = await self._proxy_of(account.held.network)
            await self.pool.place(account.instance_id, account.held.network, alone=account.isolated)
        except Exception as error:
            log.warning("no worker for %s: %r", account.instance_id, error)
            await self._end(account, ConnectionUpdate(instance_id=account.instance_id, event="unreachable"))
            return
        if await self._suspended(account):  # while this was waiting
            self.pool.release(account.instance_id)
            return
        account.running, account.started_at = True, time.monotonic()
        self._tell(account, account.start_frame(self._directory(account.held), proxy))

    def stop(self, account: Account, *, logout: bool = False) -> None:
        """Ask the worker; its answer ends the connection."""
        account.stopping = True
        self._tell(account, Stop(instance_id=account.instance_id, logout=logout))

    def suspend(self, reason: str) -> None:
        """Close every connection without anybody having asked for it; they are to come back. None starts before
        `open`. Waits for nothing: MongoDB may be away as well."""
        self._closed = reason
        for account in self.all():
            account.suspended = reason
            account.cancel_timer()
            if account.running:
                self.stop(account)

    def open(self) -> None:
        """Accounts may be started again."""
        self._closed = None

    async def log_out(self, account: Account) -> None:
        """One that is linked and not connected is connected first, for LOGOUT_LIMIT at most."""
        account.cancel_timer()
        if account.connected or (account.running and not account.held.linked):
            self.stop(account, logout=True)
        elif account.held.linked and self.has_keys(account.held):
            if not account.running:
                await self.start(account)
            account.timer = run_once("logout of an account", self._logout_after(account, LOGOUT_LIMIT))
        else:
            await self._logged_out(account)

    def wait_out(self, account: Account) -> None:
        """Start a restricted account when its restriction ends."""
        until = account.held.until
        pause = (until + RESTRICTION_PAUSE - utc_now()).total_seconds() if until else 0.0
        self._start_later(account, pause)

    # --- told by workers

    async def heard(self, frame: LinkingCode | ConnectionUpdate) -> None:
        """What a worker says of an account."""
        account = self._accounts.get(frame.instance_id)
        if account is None:
            if isinstance(frame, ConnectionUpdate) and frame.event == "stopped" and self.pool:
                self.pool.release(frame.instance_id)  # another node has it now
            return
        async with self.deciding(account):
            if isinstance(frame, LinkingCode):
                await self._board.offer(account, frame)
            elif outcome_of(frame, account.held.status, account.failures).then == "run":
                await self._goes_on(account, frame)
            elif account.running:
                await self._end(account, frame)

    async def lost(self, instance_id: str) -> None:
        """The account's worker died."""
        await self.heard(ConnectionUpdate(instance_id=instance_id, event="crashed", reason=WORKER_ENDED))

    async def _goes_on(self, account: Account, frame: ConnectionUpdate) -> None:
        outcome = outcome_of(frame, account.held.status, account.failures)
        more = await self._linking.fields(account, frame)
        if frame.event == "connected":
            account.failures, account.unanswered = 0, False
            more |= {"last_connected_at": utc_now()}
        await self._board.show(account, *shown(account, frame, outcome), **more)
        if frame.event == "connected":
            account.cause, account.changed_number = account.cause if account.held.ending else None, False
            if account.held.ending:
                self.stop(account, logout=True)
        elif account.refused_number and frame.event == "paired":
            await self.log_out(account)

    async def _end(self, account: Account, frame: ConnectionUpdate) -> None:
        """The connection has ended; the table says what comes next."""
        log.info("%s: %s (%s)", account.instance_id, frame.event, frame.reason or "-")
        outcome = outcome_of(frame, account.held.status, account.failures)
        asked, account.running, account.stopping = account.stopping, False, False
        account.ended(with_worker=frame.event == "crashed" and frame.reason == WORKER_ENDED)
        assert self.pool
        self.pool.release(account.instance_id, abandoned=account.pairing)
        if account.held.ending:
            await self._logged_out(account)
        elif account.suspended and account.held.should_run:
            await self._board.show(account, S.RECONNECTING, account.suspended)
        elif asked and outcome.then != "rest":
            await self._rest(account, outcome_of(frame.model_copy(update={"state": "stopped"}), S.CONNECTED, 0))
        elif outcome.then == "rest":
            await self._rest(account, outcome)
        else:
            await self._board.show(account, outcome.status, outcome.reason, until=outcome.until)
            if outcome.then == "wait_until":
                self.wait_out(account)
            else:
                self._start_later(account, account.pause_before_start(outcome, random.random()))

    async def _rest(self, account: Account, outcome: Outcome) -> None:
        keys: dict[str, Any] = {"jid": None} if outcome.unlinked else {}
        await self._board.show(account, outcome.status, outcome.reason, should_run=False, **keys)
        account.cause = None

    async def _logged_out(self, account: Account) -> None:
        """As asked: the keys are gone, or everything."""
        everything = account.held.ending == "delete"
        await asyncio.to_thread(remove_keys, self._directory(account.held), everything=everything)
        gone = {"should_run": False, "ending": None, "jid": None, "lid": None}
        reason = "other_number_refused" if account.refused_number else "logout_asked"
        await self._board.show(account, S.LOGGED_OUT, reason, **gone)
        account.cause, account.refused_number = None, False
        if everything:
            await self._board.erase(account)
            self.forget(account)

    async def _suspended(self, account: Account) -> bool:
        """The node lost its lease or is stopping: the account waits, and shows it."""
        if account.suspended:
            await self._board.show(account, S.RECONNECTING, account.suspended)
        return account.suspended is not None

    def _start_later(self, account: Account, pause: float) -> None:
        account.cancel_timer()
        account.timer = run_once("start of an account", self._start_after(account, max(0.0, pause)))

    async def _start_after(self, account: Account, pause: float) -> None:
        await asyncio.sleep(pause)
        async with self.deciding(account):
            account.timer = None
            if account.held.should_run and not account.running and not account.suspended:
                known = account.held.status is S.RECONNECTING
                await self.start(account, account.held.reason if known else "connection_lost")

    async def _logout_after(self, account: Account, pause: float) -> None:
        await asyncio.sleep(pause)
        async with self.deciding(account):
            account.timer = None
            if account.running:
                self.stop(account, logout=True)

    def forget(self, account: Account) -> None:
        """Another node has it, or nobody any more."""
        account.cancel_timer()
        self._accounts.pop(account.instance_id, None)

    def has_keys(self, held: Held) -> bool:
        """Whether this node can connect it: it is not linked yet, or its device keys lie here."""
        return not held.linked or has_keys(self._directory(held))

    # --- small things

    def _directory(self, held: Held) -> Path:
        return self._data_dir / held.organization_id / held.instance_id

    def _tell(self, account: Account, frame: Frame) -> None:
        assert self.pool
        self.pool.tell(account.instance_id, frame)
