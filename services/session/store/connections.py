"""The collection `connections`: the state of each instance's connection, and which node owns it under which epoch."""

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

LogoutMode = Literal["keep", "delete"]
"""Of a pending logout: keep the record, or delete the instance."""


@dataclass(frozen=True)
class OwnedConnection:
    """The connection of an instance that this node owns. A write with an outdated epoch changes nothing."""

    instance_id: str
    organization_id: str
    epoch: int
    """Fencing token: incremented whenever a node claims the connection."""
    network: Network
    status: ConnectionStatus
    should_run: bool
    phone_number: str | None = None
    linked: bool = False
    pending_logout: LogoutMode | None = None
    until: datetime | None = None
    reason: str | None = None
    node: str | None = None
    previous_phone_number: str | None = None
    asked_at: datetime | None = None
    """Time of the latest connect, disconnect or logout that was carried out."""

    def with_fields(self, fields: Mapping[str, Any]) -> "OwnedConnection":
        """The connection after these fields were written to its document."""
        changes = {name: fields[field] for name, field in _FIELDS.items() if field in fields}
        network = Network(fields.get("network", self.network))
        status = ConnectionStatus(fields.get("status", self.status))
        linked = bool(fields["jid"]) if "jid" in fields else self.linked
        return replace(self, **changes, status=status, network=network, linked=linked)


_FIELDS = {
    "should_run": "should_run",
    "phone_number": "phone_number",
    "pending_logout": "ending",
    "until": "until",
    "reason": "reason",
    "previous_phone_number": "previous_phone_number",
    "asked_at": "asked_at",
}
"""Attributes of OwnedConnection that can change and are stored as they are: the field of the document of each."""


def _from_document(document: Document) -> OwnedConnection:
    return OwnedConnection(
        instance_id=document["_id"],
        organization_id=document["organization_id"],
        epoch=document["epoch"],
        network=Network(document["network"]),
        status=ConnectionStatus(document["status"]),
        linked=bool(document.get("jid")),
        node=document.get("node"),
        should_run=document["should_run"],
        phone_number=document.get("phone_number"),
        pending_logout=document.get("ending"),
        until=document.get("until"),
        reason=document.get("reason"),
        previous_phone_number=document.get("previous_phone_number"),
        asked_at=document.get("asked_at"),
    )


class ConnectionCollection:
    """For one node. It alone writes the collection; of `instances` it reads."""

    def __init__(self, database: Database, node: str) -> None:
        self._connections = database["connections"]
        self._instances = database["instances"]
        self.node = node

    async def claim(
        self, instance_id: str, organization_id: str, network: Network, live_nodes: Collection[str]
    ) -> OwnedConnection | None:
        """Take ownership, with a new epoch; None while another living node or another organization has it."""
        new = {
            "network": network.value,
            "should_run": False,
            "jid": None,
            "status": ConnectionStatus.DISCONNECTED.value,
            "phone_number": None,
            "lid": None,
        }
        try:
            document = await self._connections.find_one_and_update(
                {"_id": instance_id, "organization_id": organization_id, "node": {"$nin": self._others(live_nodes)}},
                {"$set": {"node": self.node}, "$inc": {"epoch": 1}, "$setOnInsert": new},
                upsert=True,
                return_document=True,
            )
        except DuplicateKeyError:
            return None
        return _from_document(document) if document else None

    async def find_restorable(self, live_nodes: Collection[str], busy: Sequence[str]) -> list[OwnedConnection]:
        """Connections that are to run, or have a pending logout, and are owned by no other living node; without those
        this node is `busy` with."""
        query = {
            "_id": {"$nin": list(busy)},
            "node": {"$nin": self._others(live_nodes)},
            "$or": [{"should_run": True}, {"ending": {"$ne": None}}],
        }
        return [_from_document(document) async for document in self._connections.find(query)]

    async def find(self, instance_id: str, organization_id: str) -> OwnedConnection | None:
        """Whichever node owns it."""
        document = await self._connections.find_one({"_id": instance_id, "organization_id": organization_id})
        return _from_document(document) if document else None

    async def configured_phone_number(self, instance_id: str) -> str | None:
        """The phone number people entered for the instance."""
        document = await self._instances.find_one({"_id": instance_id}, {"phone_number": 1})
        return (document or {}).get("phone_number")

    async def is_owned_elsewhere(self, instance_id: str, live_nodes: Collection[str]) -> bool:
        """By another living node."""
        document = await self._connections.find_one({"_id": instance_id}, {"node": 1})
        return document is not None and document["node"] in self._others(live_nodes)

    async def belongs_to(self, organization_id: str, instance_id: str) -> bool:
        """Whether the organization has the instance: the api created it (it only marks deleted ones), or it was
        connected here. What the api stored decides."""
        for collection in (self._instances, self._connections):
            if document := await collection.find_one({"_id": instance_id}, {"organization_id": 1}):
                return bool(document["organization_id"] == organization_id)
        return False

    async def write(self, connection: OwnedConnection, fields: dict[str, Any]) -> bool:
        """False: another node owns the connection now."""
        result = await self._connections.update_one(self._owned(connection), {"$set": fields})
        return bool(result.matched_count)

    async def delete(self, connection: OwnedConnection) -> None:
        await self._connections.delete_one(self._owned(connection))

    def _owned(self, connection: OwnedConnection) -> dict[str, Any]:
        return {"_id": connection.instance_id, "node": self.node, "epoch": connection.epoch}

    def _others(self, live_nodes: Collection[str]) -> list[str]:
        return sorted(set(live_nodes) - {self.node})
