"""Starts what is to run and does not: after a restart, after another node died, after the lease was regained."""

import asyncio
import logging
from contextlib import suppress

from services.session.store.connections import ConnectionCollection
from services.session.supervisor.instance_supervisor import InstanceSupervisor
from services.session.supervisor.node_lease import NodeLease
from services.session.supervisor.supervised_instance import SupervisedInstance
from services.session.supervisor.worker_pool import WorkerPool
from shared.contracts.errors import Problem
from shared.contracts.instance_records import ConnectionRecord
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.platform.background import log_failure
from shared.platform.outages import OUTAGE_ERRORS

RECONCILE_INTERVAL_S = 5.0
log = logging.getLogger(__name__)


class Reconciler:
    """`start_interval_s`: between the starts of two instances, so that a thousand do not log in at once."""

    def __init__(
        self,
        supervisor: InstanceSupervisor,
        workers: WorkerPool,
        connections: ConnectionCollection,
        lease: NodeLease,
        start_interval_s: float,
    ) -> None:
        self._supervisor = supervisor
        self._workers = workers
        self._connections = connections
        self._lease = lease
        self._start_interval_s = start_interval_s
        self._claim_lock = asyncio.Lock()
        self._wake_up = asyncio.Event()
        self._reported_foreign: set[str] = set()

    async def acquire(
        self, instance_id: str, organization_id: str, network: Network, *, even_without_keys: bool = False
    ) -> SupervisedInstance | None:
        """The instance, owned by this node from now on; None while another living node owns it.

        Raises Problem 409 when its device keys are in the data folder of another node: only a logout may claim it then.
        """
        async with self._claim_lock:
            if instance := self._supervisor.get(instance_id):
                return instance
            if not even_without_keys:
                await self._require_keys(instance_id, organization_id)
            connection = await self._claim(instance_id, organization_id, network)
            return self._supervisor.add(connection) if connection else None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake_up.clear()
            try:
                await self._reconcile()
            except OUTAGE_ERRORS as error:
                log.warning("what is to run cannot be read: %s", str(error)[:200])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake_up.wait(), RECONCILE_INTERVAL_S)

    def wake_up(self) -> None:
        """Reconcile now."""
        self._wake_up.set()

    async def _reconcile(self) -> None:
        await self._end_without_worker()
        live_nodes = await self._lease.live_nodes()
        busy = [one.instance_id for one in self._supervisor.all() if not one.is_idle or one.lock.locked()]
        for connection in await self._connections.find_restorable(live_nodes, busy):
            if not self._lease.is_held:
                return
            try:
                if not self._may_restore(connection):
                    continue
                await self._restore(connection)
            except OUTAGE_ERRORS:
                raise
            except Exception as error:  # must not keep the others from starting
                log_failure("reconciler.restore", error)
            await asyncio.sleep(self._start_interval_s)

    async def _end_without_worker(self) -> None:
        """End connections whose worker exited when that could not be handled, say because of a bug."""
        for instance in self._supervisor.all():
            orphaned = instance.has_worker and not self._workers.worker_of(instance.instance_id)
            if orphaned and not instance.lock.locked():
                await self._supervisor.on_worker_lost(instance.instance_id)

    def _may_restore(self, connection: ConnectionRecord) -> bool:
        """A node without the keys claims nothing. An instance this node owned without keys gets the status once, and is
        restored when they are there."""
        if self._supervisor.has_keys(connection):
            return True
        if connection.node != self._connections.node:
            if connection.id not in self._reported_foreign:
                log.error("%s is not claimed: its device keys are those of node %r", connection.id, connection.node)
                self._reported_foreign.add(connection.id)
            return False
        return connection.pending_logout is not None or (connection.status, connection.reason) != (
            S.FAILED,
            "keys_missing",
        )

    async def _require_keys(self, instance_id: str, organization_id: str) -> None:
        connection = await self._connections.find(instance_id, organization_id)
        if connection is None or self._supervisor.has_keys(connection) or connection.node == self._connections.node:
            return
        if connection.node in await self._lease.live_nodes():
            return  # that one owns it
        detail = (
            f"the device keys of this instance are in the data folder of the session node {connection.node!r}, which "
            "does not run; start it, or log the instance out and connect again to link it anew"
        )
        raise Problem(409, "keys_missing", detail)

    async def _restore(self, connection: ConnectionRecord) -> None:
        instance = await self.acquire(connection.id, connection.organization_id, connection.network)
        if instance is None:
            return
        async with self._supervisor.exclusive(instance):
            if instance.is_idle and await self._is_still_owned(instance):
                await self._start(instance)

    async def _is_still_owned(self, instance: SupervisedInstance) -> bool:
        """A suspended instance is claimed again: the higher epoch fences off a node that owned it meanwhile."""
        if instance.runtime.suspended:
            connection = instance.connection
            claimed = await self._claim(instance.instance_id, connection.organization_id, connection.network)
            if claimed is None:
                self._supervisor.remove(instance)
                return False
            instance.connection = claimed
            instance.runtime = instance.runtime.on_suspended(None)
        return instance.connection.should_run or instance.connection.pending_logout is not None

    async def _start(self, instance: SupervisedInstance) -> None:
        if instance.connection.pending_logout:
            await self._supervisor.log_out(instance)
        elif instance.connection.status is S.RESTRICTED:
            self._supervisor.start_after_restriction(instance)
        else:
            await self._supervisor.start(instance, "service_restarted")

    async def _claim(self, instance_id: str, organization_id: str, network: Network) -> ConnectionRecord | None:
        return await self._connections.claim(instance_id, organization_id, network, await self._lease.live_nodes())
