"""What should run and does not: restored after a restart, taken over from nodes that are gone, resumed after a loss
of the lease."""

import asyncio
import logging

from nats.errors import Error as NatsError

from services.session.lease import Lease
from services.session.store.connections import Connections, Held
from services.session.supervisor.accounts import Accounts
from shared.mongo import TRANSIENT_ERRORS
from shared.records import ConnectionStatus as S
from shared.records import Network

EVERY = 5.0
"""Seconds between two looks."""
OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, TimeoutError, OSError)
log = logging.getLogger(__name__)


class Reconciler:
    """`start_interval`: seconds between two accounts, so that a thousand do not log in at once."""

    def __init__(self, accounts: Accounts, connections: Connections, lease: Lease, start_interval: float) -> None:
        self._accounts, self._connections, self._lease = accounts, connections, lease
        self._interval = start_interval

    async def claim(self, instance_id: str, organization_id: str, network: Network) -> Held | None:
        """The connection, held by this node from now on; None while another living node has it."""
        return await self._connections.claim(instance_id, organization_id, network, await self._lease.live_nodes())

    async def elsewhere(self, instance_id: str) -> bool:
        """Another living node holds the account."""
        return await self._connections.elsewhere(instance_id, await self._lease.live_nodes())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
            except OUTAGES as error:
                log.warning("what should run cannot be looked up: %s", str(error)[:200])
            await asyncio.sleep(EVERY)

    async def suspend(self) -> None:
        """The lease is lost: others may take the accounts over soon, so every connection closes now."""
        for account in self._accounts.all():
            async with self._accounts.deciding(account):
                await self._accounts.suspend(account, "lease_lost")

    async def resume(self) -> None:
        """The lease is back: what nobody took over in the meantime runs again."""
        for account in self._accounts.all():
            if account.suspended:
                await self._restore_held(account.held)

    async def _look(self) -> None:
        if not self._lease.held:
            return
        live = await self._lease.live_nodes()
        held = [account.instance_id for account in self._accounts.all()]
        for found in await self._connections.to_restore(live, held):
            await self._restore_held(found)
            await asyncio.sleep(self._interval)

    async def _restore_held(self, found: Held) -> None:
        """A new claim raises the epoch: what an earlier holder still writes is refused."""
        held = await self.claim(found.instance_id, found.organization_id, found.network)
        if held is None:
            return
        account = self._accounts.add(held)
        async with self._accounts.deciding(account):
            account.held, account.suspended = held, None
            if account.running:
                return
            if held.ending:
                await self._accounts.log_out(account)
            elif held.status is not S.RESTRICTED:
                await self._accounts.start(account, "service_restarted")
            else:
                self._accounts.wait_out(account)
