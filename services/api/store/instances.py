"""Instances: the WhatsApp accounts that an organization configured. Their connections are written by the session
service."""

from collections.abc import Iterable
from typing import Any, ClassVar

from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.records import Network
from shared.platform.mongo import Collection, Document, DuplicateKeyError, IndexModel


class Instances:
    """Collection `instances`. A deleted instance keeps its document with `deleted_at`, and only `get_not_removed`,
    `restore` and `mark_deleted` find it (docs/decisions/0041). A removed one (`removed`) is never found."""

    INDEXES: ClassVar = {
        "instances": [
            IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)]),
            IndexModel(
                [("organization_id", 1), ("made_for", 1)],
                unique=True,
                partialFilterExpression={"made_for": {"$type": "string"}},
            ),
        ]
    }

    def __init__(self, collection: Collection) -> None:
        self._instances = collection

    async def create(
        self, organization_id: str, name: str, phone_number: str | None, network: Network, created_by: str | None = None
    ) -> Document:
        """`created_by`: the subject of the caller's token."""
        document: Document = {
            "_id": new_id(),
            "organization_id": organization_id,
            "instance_name": name,
            "phone_number": phone_number,
            "network": network.value,
            "created_by": created_by,
            "created_at": utc_now(),
            "deleted_at": None,
        }
        await self._instances.insert_one(document)
        return document

    async def find_or_create(self, query: Document, new: Document) -> Document:
        """The oldest instance that matches `query`, else a new one with the fields `new`; concurrent calls get the
        same.

        `query` names the organization. `made_for` in `new` is unique in the organization until the instance is changed.
        """
        if existing := await self.oldest(query):
            return existing
        organization_id = query["organization_id"]
        document: Document = {
            "_id": new_id(),
            "organization_id": organization_id,
            "phone_number": None,
            "created_at": utc_now(),
            "deleted_at": None,
            **new,
        }
        try:
            await self._instances.insert_one(document)
        except DuplicateKeyError:
            same = {"organization_id": organization_id, "made_for": new["made_for"]}
            return _require_found(await self._instances.find_one(same))
        return document

    async def oldest(self, query: Document) -> Document | None:
        """The oldest instance that matches `query`, which names the organization."""
        return await self._instances.find_one({**query, "deleted_at": None}, sort=[("created_at", 1), ("_id", 1)])

    async def get(self, organization_id: str, instance_id: str) -> Document:
        """Raises Problem 404 `instance_not_found`, also for another organization's."""
        document = await self._instances.find_one(self._query(organization_id, instance_id))
        return _require_found(document)

    async def missing_ids(self, organization_id: str, instance_ids: Iterable[str]) -> list[str]:
        """Those of `instance_ids` that the organization does not have."""
        wanted_ids = sorted(instance_ids)
        query = {"_id": {"$in": wanted_ids}, "organization_id": organization_id, "deleted_at": None}
        existing_ids = await self._instances.distinct("_id", query)
        return [instance_id for instance_id in wanted_ids if instance_id not in existing_ids]

    async def change(self, organization_id: str, instance_id: str, changes: dict[str, Any]) -> Document:
        """Set these fields. Raises Problem 404 `instance_not_found`."""
        if not changes:
            return await self.get(organization_id, instance_id)
        document = await self._instances.find_one_and_update(
            self._query(organization_id, instance_id),
            {"$set": changes, "$unset": {"made_for": ""}},
            return_document=True,
        )
        return _require_found(document)

    async def get_not_removed(self, organization_id: str, instance_id: str) -> Document:
        """Like `get`, but also finds an instance that was deleted and not removed."""
        return _require_found(await self._instances.find_one(_not_removed(organization_id, instance_id)))

    async def restore(self, organization_id: str, instance_id: str, command_id: str) -> None:
        """Undo a deletion because of the command `command_id`, which connects the instance. Raises Problem 404 when it
        was removed."""
        restored_by = {"$cond": [{"$eq": [{"$ifNull": ["$deleted_at", None]}, None]}, None, command_id]}
        change = [{"$set": {"deleted_at": None, "restored_by": restored_by}}]
        result = await self._instances.update_one(_not_removed(organization_id, instance_id), change)
        if not result.matched_count:
            raise unknown_instance()

    async def undo_restore(self, organization_id: str, instance_id: str, command_id: str) -> None:
        """The command was refused: delete the instance again, unless a later connect of it has overwritten
        `restored_by`."""
        restored = {"_id": instance_id, "organization_id": organization_id, "restored_by": command_id}
        await self._instances.update_one(restored, {"$set": {"deleted_at": utc_now(), "restored_by": None}})

    async def mark_deleted(self, organization_id: str, instance_id: str, *, remove: bool = False) -> None:
        """`remove`: for good; also an instance that was deleted before."""
        query = {"_id": instance_id, "organization_id": organization_id}
        fields = {"deleted_at": utc_now()} | ({"removed": True} if remove else {})
        await self._instances.update_one(query, {"$set": fields, "$unset": {"made_for": ""}})

    @staticmethod
    def _query(organization_id: str, instance_id: str) -> Document:
        return {"_id": instance_id, "organization_id": organization_id, "deleted_at": None}


def _not_removed(organization_id: str, instance_id: str) -> Document:
    return {"_id": instance_id, "organization_id": organization_id, "removed": {"$ne": True}}


def unknown_instance() -> Problem:
    """The same for an instance that does not exist and for one that the caller must not know of."""
    return Problem(404, "instance_not_found", "there is no such instance; list yours at /api/whatsapp/instances")


def _require_found(document: Document | None) -> Document:
    if document is None:
        raise unknown_instance()
    return document
