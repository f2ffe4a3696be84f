"""The collection `connections`: the state of each instance's connection, and which node owns it under which epoch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypedDict

from shared.contracts.instance_records import ConnectionRecord, LogoutMode, StoredPairingCode, StoredQr
from shared.contracts.records import ConnectionStatus, Network, Record
from shared.platform.documents import from_document
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel, MongoQuery, MongoUpdate

INDEXES = [
    IndexModel([("organization_id", 1), ("status", 1)], name="of_organization"),
    IndexModel([("node", 1), ("should_run", 1)], name="of_node"),
]


class ConnectionFields(TypedDict, total=False):
    """Fields of a document of `connections` that change while a node owns it, by their stored names."""

    network: str
    should_run: bool
    status: str
    reason: str | None
    detail: str | None
    until: datetime | None
    last_connected_at: datetime
    jid: str | None
    phone_number: str | None
    lid: str | None
    previous_phone_number: str | None
    qr: StoredQr | None
    pairing_code: StoredPairingCode | None
    ending: LogoutMode | None
    asked_at: datetime


def with_fields(connection: ConnectionRecord, fields: ConnectionFields) -> ConnectionRecord:
    """The connection after these fields were written to its document."""
    return ConnectionRecord.model_validate(connection.model_dump(by_alias=True) | fields)


def _to_document(fields: ConnectionFields) -> MongoUpdate:
    return {name: value.model_dump() if isinstance(value, Record) else value for name, value in fields.items()}


class ConnectionCollection:
    """For one node. It alone writes the collection; of `instances` it reads."""

    def __init__(self, database: Database, node: str) -> None:
        self._connections = database["connections"]
        self._instances = database["instances"]
        self.node = node

    async def claim(
        self, instance_id: str, organization_id: str, network: Network, live_nodes: Collection[str]
    ) -> ConnectionRecord | None:
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
        return from_document(ConnectionRecord, document) if document else None

    async def find_restorable(self, live_nodes: Collection[str], busy: Sequence[str]) -> list[ConnectionRecord]:
        """Connections that are to run, or have a pending logout, and are owned by no other living node; without those
        this node is `busy` with."""
        query = {
            "_id": {"$nin": list(busy)},
            "node": {"$nin": self._others(live_nodes)},
            "$or": [{"should_run": True}, {"ending": {"$ne": None}}],
        }
        return [from_document(ConnectionRecord, document) async for document in self._connections.find(query)]

    async def find(self, instance_id: str, organization_id: str) -> ConnectionRecord | None:
        """Whichever node owns it."""
        document = await self._connections.find_one({"_id": instance_id, "organization_id": organization_id})
        return from_document(ConnectionRecord, document) if document else None

    async def configured_phone_number(self, instance_id: str) -> str | None:
        """The phone number people entered for the instance."""
        document = await self._instances.find_one({"_id": instance_id}, {"phone_number": 1})
        phone_number: str | None = (document or {}).get("phone_number")
        return phone_number

    async def is_to_run(self, instance_id: str) -> bool:
        return await self._connections.find_one({"_id": instance_id, "should_run": True}, {"_id": 1}) is not None

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

    async def write(self, connection: ConnectionRecord, fields: ConnectionFields) -> bool:
        """False: another node owns the connection now."""
        result = await self._connections.update_one(self._owned(connection), {"$set": _to_document(fields)})
        return bool(result.matched_count)

    async def delete(self, connection: ConnectionRecord) -> None:
        await self._connections.delete_one(self._owned(connection))

    def _owned(self, connection: ConnectionRecord) -> MongoQuery:
        return {"_id": connection.id, "node": self.node, "epoch": connection.epoch}

    def _others(self, live_nodes: Collection[str]) -> list[str]:
        return sorted(set(live_nodes) - {self.node})
