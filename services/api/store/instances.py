"""Instances: what an organization configured. How their connections do is written by the session service."""

from typing import Any, ClassVar

from shared.errors import Problem
from shared.ids import new_id
from shared.message import utc_now
from shared.mongo import Collection, Document, IndexModel
from shared.records import Network


class Instances:
    """Collection `instances`; deleted ones stay, marked, and are found by nobody."""

    INDEXES: ClassVar = {"instances": [IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)])]}

    def __init__(self, collection: Collection) -> None:
        self._instances = collection

    async def create(self, organization_id: str, name: str, phone_number: str | None, network: Network) -> Document:
        document: Document = {
            "_id": new_id(), "organization_id": organization_id, "instance_name": name, "phone_number": phone_number,
            "network": network.value, "created_at": utc_now(), "deleted_at": None,
        }  # fmt: skip
        await self._instances.insert_one(document)
        return document

    async def get(self, organization_id: str, instance_id: str) -> Document:
        """Raises Problem 404 `instance_not_found`, also for another organization's."""
        found = await self._instances.find_one(self._mine(organization_id, instance_id))
        return _known(found)

    async def change(self, organization_id: str, instance_id: str, changes: dict[str, Any]) -> Document:
        """Set these fields. Raises Problem 404."""
        if not changes:
            return await self.get(organization_id, instance_id)
        found = await self._instances.find_one_and_update(
            self._mine(organization_id, instance_id), {"$set": changes}, return_document=True
        )
        return _known(found)

    async def mark_deleted(self, organization_id: str, instance_id: str) -> None:
        await self._instances.update_one(self._mine(organization_id, instance_id), {"$set": {"deleted_at": utc_now()}})

    @staticmethod
    def _mine(organization_id: str, instance_id: str) -> Document:
        return {"_id": instance_id, "organization_id": organization_id, "deleted_at": None}


def _known(found: Document | None) -> Document:
    if found is None:
        raise Problem(404, "instance_not_found", "there is no such instance; list yours at /api/whatsapp/instances")
    return found
