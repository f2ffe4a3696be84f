"""Connections: what an account shall do, what it does, and which node has it under which fencing epoch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from shared.contracts.records import ConnectionStatus, Network
from shared.platform.mongo import Database, Document, DuplicateKeyError, IndexModel

INDEXES = [
    IndexModel([("organization_id", 1), ("status", 1)], name="of_organization"),
    IndexModel([("node", 1), ("should_run", 1)], name="of_node"),
]

Ending = Literal["keep", "delete"]
"""A logout under way: keep the record, or forget the instance altogether."""

_FOLLOWED = ("should_run", "phone_number", "ending", "until", "reason", "previous_phone_number", "asked_at")
"""Fields that are the same in a connection held and in its document."""


@dataclass(frozen=True)
class Held:
    """A connection this node holds; writes with an older epoch change nothing."""

    instance_id: str
    organization_id: str
    epoch: int
    network: Network
    status: ConnectionStatus
    should_run: bool
    phone_number: str | None = None
    linked: bool = False
    ending: Ending | None = None
    until: datetime | None = None
    reason: str | None = None
    node: str | None = None
    previous_phone_number: str | None = None
    asked_at: datetime | None = None
    """Of the latest command that was carried out: connect, disconnect or log out."""

    def after(self, fields: Mapping[str, Any]) -> "Held":
        """The connection as it stands after these fields were written."""
        known = {name: fields[name] for name in _FOLLOWED if name in fields}
        network = Network(fields.get("network", self.network))
        status = ConnectionStatus(fields.get("status", self.status))
        linked = bool(fields["jid"]) if "jid" in fields else self.linked
        return replace(self, **known, status=status, network=network, linked=linked)


def _held(found: Document) -> Held:
    return Held(
        instance_id=found["_id"],
        organization_id=found["organization_id"],
        epoch=found["epoch"],
        network=Network(found["network"]),
        status=ConnectionStatus(found["status"]),
        should_run=found["should_run"],
        phone_number=found.get("phone_number"),
        linked=bool(found.get("jid")),
        ending=found.get("ending"),
        until=found.get("until"),
        reason=found.get("reason"),
        node=found.get("node"),
        previous_phone_number=found.get("previous_phone_number"),
        asked_at=found.get("asked_at"),
    )


class Connections:
    """The only writer of the collection, for one node; `instances` is read."""

    def __init__(self, database: Database, node: str) -> None:
        self._connections, self._instances = database["connections"], database["instances"]
        self.node = node

    async def claim(
        self, instance_id: str, organization_id: str, network: Network, live: Collection[str]
    ) -> Held | None:
        """Take the connection over, with a new epoch; None while another living node or organization has it."""
        new = {
            "network": network.value,
            "should_run": False,
            "jid": None,
            "status": ConnectionStatus.DISCONNECTED.value,
            "phone_number": None,
            "lid": None,
        }
        others = sorted(set(live) - {self.node})
        try:
            found = await self._connections.find_one_and_update(
                {"_id": instance_id, "organization_id": organization_id, "node": {"$nin": others}},
                {"$set": {"node": self.node}, "$inc": {"epoch": 1}, "$setOnInsert": new},
                upsert=True,
                return_document=True,
            )
        except DuplicateKeyError:
            return None
        return _held(found) if found else None

    async def to_restore(self, live: Collection[str], held: Sequence[str]) -> list[Held]:
        """What should run or end, is held by no living node but perhaps this one, and is not held here yet."""
        others = sorted(set(live) - {self.node})
        wanted = {
            "_id": {"$nin": list(held)},
            "node": {"$nin": others},
            "$or": [{"should_run": True}, {"ending": {"$ne": None}}],
        }
        return [_held(found) async for found in self._connections.find(wanted)]

    async def known(self, instance_id: str, organization_id: str) -> Held | None:
        """As it stands; whoever has it."""
        found = await self._connections.find_one({"_id": instance_id, "organization_id": organization_id})
        return _held(found) if found else None

    async def configured_number(self, instance_id: str) -> str | None:
        """The phone number people wrote down for the instance."""
        found = await self._instances.find_one({"_id": instance_id}, {"phone_number": 1})
        return (found or {}).get("phone_number")

    async def elsewhere(self, instance_id: str, live: Collection[str]) -> bool:
        """Another living node has it."""
        found = await self._connections.find_one({"_id": instance_id}, {"node": 1})
        return found is not None and found["node"] in set(live) - {self.node}

    async def is_of(self, organization_id: str, instance_id: str) -> bool:
        """The organization has an instance of this id: the api made it (it marks what is deleted), or it was connected
        here. What the api knows decides."""
        for collection in (self._instances, self._connections):
            if found := await collection.find_one({"_id": instance_id}, {"organization_id": 1}):
                return bool(found["organization_id"] == organization_id)
        return False

    async def write(self, held: Held, fields: dict[str, Any]) -> bool:
        """False: another node has the connection now."""
        mine = {"_id": held.instance_id, "node": self.node, "epoch": held.epoch}
        result = await self._connections.update_one(mine, {"$set": fields})
        return bool(result.matched_count)

    async def forget(self, held: Held) -> None:
        await self._connections.delete_one({"_id": held.instance_id, "node": self.node, "epoch": held.epoch})
