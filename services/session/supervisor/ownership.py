"""Which organization an instance belongs to: a command names both, and is refused when they do not belong together."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.session.ipc.messages import Frame
from services.session.store.connections import Connections
from services.session.supervisor.instance_supervisor import Accounts
from services.session.supervisor.supervised_instance import Account
from shared.contracts.errors import Problem

MAX_REMEMBERED = 100_000
"""Pairs of organization and instance. An instance never changes its organization, so they stay true."""


def unknown_instance() -> Problem:
    """The same answer for what does not exist and for what belongs to another organization."""
    return Problem(404, "instance_not_found", "there is no such instance in this organization")


@dataclass(frozen=True)
class Instances:
    """What a command handler asks about an instance. find: the account, when this node holds it. hand_over: give a
    frame to its worker; False: there is none. elsewhere: whether another living node holds it. owns: whether an
    organization has it."""

    find: Callable[[str], Account | None]
    hand_over: Callable[[str, Frame], bool]
    elsewhere: Callable[[str], Awaitable[bool]]
    owns: Callable[[str, str], Awaitable[bool]]


class Ownership:
    def __init__(self, accounts: Accounts, connections: Connections) -> None:
        self._accounts, self._connections = accounts, connections
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def owns(self, organization_id: str, instance_id: str) -> bool:
        """Whether the organization has the instance, deleted ones included. Raises MongoDB's errors."""
        if account := self._accounts.get(instance_id):
            return account.held.organization_id == organization_id
        if (organization_id, instance_id) in self._known:
            return True
        if not await self._connections.is_of(organization_id, instance_id):
            return False
        self._known[organization_id, instance_id] = None
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return True
