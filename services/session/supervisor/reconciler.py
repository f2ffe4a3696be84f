"""What should run and does not: restored after a restart, taken over from nodes that are gone, resumed after a loss
of the lease."""

import asyncio
import logging
from contextlib import suppress

from services.session.store.connections import Connections, Held
from services.session.supervisor.instance_supervisor import Accounts
from services.session.supervisor.node_lease import Lease
from services.session.supervisor.supervised_instance import Account
from shared.contracts.errors import Problem
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.messaging.client import NatsError
from shared.platform.background import note_failure
from shared.platform.mongo import TRANSIENT_ERRORS

EVERY = 5.0
"""Seconds between two looks."""
OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, TimeoutError, OSError)
log = logging.getLogger(__name__)


class Reconciler:
    """`start_interval`: seconds between two accounts, so that a thousand do not log in at once."""

    def __init__(self, accounts: Accounts, connections: Connections, lease: Lease, start_interval: float) -> None:
        self._accounts, self._connections, self._lease = accounts, connections, lease
        self._interval = start_interval
        self._claiming, self._wake = asyncio.Lock(), asyncio.Event()
        self._foreign: set[str] = set()

    async def hold(
        self, instance_id: str, organization_id: str, network: Network, *, even_without_keys: bool = False
    ) -> Account | None:
        """The account, held by this node from now on; None while another living node has it.

        Raises Problem 409 when its device keys lie in the data folder of another node: nothing but a logout may claim
        it then.
        """
        async with self._claiming:
            if known := self._accounts.get(instance_id):
                return known
            if not even_without_keys:
                await self._require_keys(instance_id, organization_id)
            held = await self._claim(instance_id, organization_id, network)
            return self._accounts.add(held) if held else None

    async def elsewhere(self, instance_id: str) -> bool:
        """Another living node holds the account."""
        return await self._connections.elsewhere(instance_id, await self._lease.live_nodes())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._look()
            except OUTAGES as error:
                log.warning("what should run cannot be looked up: %s", str(error)[:200])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY)

    def suspend(self, reason: str) -> None:
        """Every connection of this node closes now."""
        self._accounts.suspend(reason)

    def resume(self) -> None:
        """The lease is back: what nobody took over in the meantime runs again."""
        self._accounts.open()
        self._wake.set()

    async def _look(self) -> None:
        await self._end_what_has_no_worker()
        live = await self._lease.live_nodes()
        busy = [account.instance_id for account in self._accounts.all() if not account.idle or account.lock.locked()]
        for found in await self._connections.to_restore(live, busy):
            if not self._lease.held:
                return
            try:
                if not self._may_restore(found):
                    continue
                await self._restore(found)
            except OUTAGES:
                raise
            except Exception as error:  # one account holds up no other
                note_failure("reconciler.restore", error)
            await asyncio.sleep(self._interval)

    async def _end_what_has_no_worker(self) -> None:
        """The end of its worker could not be handled, say for an error of ours."""
        pool = self._accounts.pool
        for account in self._accounts.all():
            if pool and account.running and not account.lock.locked() and not pool.worker_of(account.instance_id):
                await self._accounts.lost(account.instance_id)

    def _may_restore(self, found: Held) -> bool:
        """Whoever has no keys claims nothing. What this node had without keys is shown as such once, and tried again
        when they are there."""
        if self._accounts.has_keys(found):
            return True
        if found.node != self._connections.node:
            if found.instance_id not in self._foreign:
                log.error("%s is not claimed: its device keys are those of node %r", found.instance_id, found.node)
                self._foreign.add(found.instance_id)
            return False
        return found.ending is not None or (found.status, found.reason) != (S.FAILED, "keys_missing")

    async def _require_keys(self, instance_id: str, organization_id: str) -> None:
        found = await self._connections.known(instance_id, organization_id)
        if found is None or self._accounts.has_keys(found) or found.node == self._connections.node:
            return
        if found.node in await self._lease.live_nodes():
            return  # that one has it
        detail = (
            f"the device keys of this instance are in the data folder of the session node {found.node!r}, which does "
            "not run; start it, or log the instance out and connect again to link it anew"
        )
        raise Problem(409, "keys_missing", detail)

    async def _restore(self, found: Held) -> None:
        account = await self.hold(found.instance_id, found.organization_id, found.network)
        if account is None:
            return
        async with self._accounts.deciding(account):
            if account.idle and await self._still_ours(account):
                await self._bring_back(account)

    async def _still_ours(self, account: Account) -> bool:
        """What was suspended is claimed anew: the higher epoch shuts out whoever had it meanwhile."""
        if account.suspended:
            held = await self._claim(account.instance_id, account.held.organization_id, account.held.network)
            if held is None:
                self._accounts.forget(account)
                return False
            account.held, account.suspended = held, None
        return account.held.should_run or account.held.ending is not None

    async def _bring_back(self, account: Account) -> None:
        if account.held.ending:
            await self._accounts.log_out(account)
        elif account.held.status is S.RESTRICTED:
            self._accounts.wait_out(account)
        else:
            await self._accounts.start(account, "service_restarted")

    async def _claim(self, instance_id: str, organization_id: str, network: Network) -> Held | None:
        return await self._connections.claim(instance_id, organization_id, network, await self._lease.live_nodes())
