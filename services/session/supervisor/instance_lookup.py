"""Which organization, and which node, an instance belongs to."""

from collections import OrderedDict

from services.session.store.connections import ConnectionCollection
from services.session.supervisor.instance_supervisor import InstanceSupervisor
from services.session.supervisor.node_lease import NodeLease
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.contracts.errors import Problem

MAX_CACHED_INSTANCES = 100_000
"""Pairs of organization and instance. An instance never changes its organization, so they stay true."""


def instance_not_found() -> Problem:
    """The same for an instance that does not exist and for one of another organization."""
    return Problem(404, "instance_not_found", "there is no such instance in this organization")


class InstanceLookup:
    def __init__(self, supervisor: InstanceSupervisor, connections: ConnectionCollection, lease: NodeLease) -> None:
        self._supervisor = supervisor
        self._connections = connections
        self._lease = lease
        self._cache: OrderedDict[tuple[str, str], None] = OrderedDict()

    def find(self, instance_id: str) -> SupervisedInstance | None:
        """None: this node does not own it."""
        return self._supervisor.get(instance_id)

    async def is_owned_elsewhere(self, instance_id: str) -> bool:
        """Another living node owns it. Raises MongoDB's and NATS errors."""
        return await self._connections.is_owned_elsewhere(instance_id, await self._lease.live_nodes())

    async def is_to_run(self, instance_id: str) -> bool:
        """Whether it should be connected; a node that has just started has not read it yet. Raises MongoDB's errors."""
        return await self._connections.is_to_run(instance_id)

    async def belongs_to(self, organization_id: str, instance_id: str) -> bool:
        """Whether the organization has the instance, deleted ones included. Raises MongoDB's errors."""
        if instance := self.find(instance_id):
            return instance.connection.organization_id == organization_id
        if (organization_id, instance_id) in self._cache:
            return True
        if not await self._connections.belongs_to(organization_id, instance_id):
            return False
        self._cache[organization_id, instance_id] = None
        if len(self._cache) > MAX_CACHED_INSTANCES:
            self._cache.popitem(last=False)
        return True
