"""Instances: the WhatsApp accounts that an organization configured. Their connections are written by the session
service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.instance_records import InstanceRecord
from shared.contracts.message import utc_now
from shared.contracts.records import Network
from shared.platform.documents import from_document
from shared.platform.mongo import Collection, Document, DuplicateKeyError, IndexModel, MongoQuery

_ID_ONLY = {"_id": 1}
_OLDEST_FIRST = [("created_at", 1), ("_id", 1)]


@dataclass(frozen=True)
class InstanceFilter:
    """Instances of an organization that are not deleted. `instance_ids`: those that the caller may access.
    `created_by`: the subject of the caller's token. None: no condition."""

    organization_id: str
    instance_ids: frozenset[str] | None = None
    instance_id: str | None = None
    name: str | None = None
    phone_number: str | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class NewInstanceOfDialect:
    """`made_for`: what the client of the dialect identifies it by; unique in the organization until the instance is
    changed. `created_by`: the subject of the caller's token."""

    made_for: str
    name: str
    network: Network
    created_by: str
    phone_number: str | None = None


class Instances:
    """Collection `instances`. A deleted instance keeps its document with `deleted_at`, and only `get_not_removed`,
    `require_not_removed`, `restore` and `mark_deleted` find it (docs/decisions/0041). A removed one (`removed`) is
    never found."""

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
    ) -> InstanceRecord:
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
        return _record(document)

    async def find_or_create(self, instance_filter: InstanceFilter, new: NewInstanceOfDialect) -> InstanceRecord:
        """The oldest instance that matches, else a new one; concurrent calls get the same."""
        if existing := await self.oldest(instance_filter):
            return existing
        organization_id = instance_filter.organization_id
        document: Document = {
            "_id": new_id(),
            "organization_id": organization_id,
            "phone_number": new.phone_number,
            "created_at": utc_now(),
            "deleted_at": None,
            "made_for": new.made_for,
            "instance_name": new.name,
            "network": new.network.value,
            "created_by": new.created_by,
        }
        try:
            await self._instances.insert_one(document)
        except DuplicateKeyError:
            same = {"organization_id": organization_id, "made_for": new.made_for}
            return _existing(await self._instances.find_one(same))
        return _record(document)

    async def oldest(self, instance_filter: InstanceFilter) -> InstanceRecord | None:
        """The oldest instance that matches."""
        document = await self._instances.find_one(_filter_query(instance_filter), sort=_OLDEST_FIRST)
        return _record(document) if document else None

    async def oldest_id(self, instance_filter: InstanceFilter) -> str | None:
        """Of the oldest instance that matches; reads nothing else of it."""
        document = await self._instances.find_one(_filter_query(instance_filter), _ID_ONLY, sort=_OLDEST_FIRST)
        return str(document["_id"]) if document else None

    async def newest(self, instance_filter: InstanceFilter, limit: int) -> list[InstanceRecord]:
        """Those that match, the newest first."""
        newest_first = self._instances.find(_filter_query(instance_filter)).sort([("created_at", -1), ("_id", -1)])
        return [_record(document) for document in await newest_first.limit(limit).to_list(None)]

    async def get(self, organization_id: str, instance_id: str) -> InstanceRecord:
        """Raises Problem 404 `instance_not_found`, also for another organization's."""
        return _existing(await self._instances.find_one(_not_deleted(organization_id, instance_id)))

    async def require(self, organization_id: str, instance_id: str) -> None:
        """Like `get`, but reads only the id."""
        if await self._instances.find_one(_not_deleted(organization_id, instance_id), _ID_ONLY) is None:
            raise unknown_instance()

    async def missing_ids(self, organization_id: str, instance_ids: Iterable[str]) -> list[str]:
        """Those of `instance_ids` that the organization does not have."""
        wanted_ids = sorted(instance_ids)
        query = {"_id": {"$in": wanted_ids}, "organization_id": organization_id, "deleted_at": None}
        existing_ids = await self._instances.distinct("_id", query)
        return [instance_id for instance_id in wanted_ids if instance_id not in existing_ids]

    async def change(
        self,
        organization_id: str,
        instance_id: str,
        changes: Mapping[str, str | None],
        settings: Mapping[str, object] | None = None,
    ) -> InstanceRecord:
        """Set these fields: `instance_name`, `phone_number`; and these of its settings. Raises Problem 404
        `instance_not_found`."""
        fields = {**changes, **{f"settings.{name}": value for name, value in (settings or {}).items()}}
        if not fields:
            return await self.get(organization_id, instance_id)
        document = await self._instances.find_one_and_update(
            _not_deleted(organization_id, instance_id),
            {"$set": fields, "$unset": {"made_for": ""}},
            return_document=True,
        )
        return _existing(document)

    async def get_not_removed(self, organization_id: str, instance_id: str) -> InstanceRecord:
        """Like `get`, but also finds an instance that was deleted and not removed."""
        return _existing(await self._instances.find_one(_not_removed(organization_id, instance_id)))

    async def require_not_removed(self, organization_id: str, instance_id: str) -> None:
        """Like `get_not_removed`, but reads only the id."""
        if await self._instances.find_one(_not_removed(organization_id, instance_id), _ID_ONLY) is None:
            raise unknown_instance()

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


def _filter_query(instance_filter: InstanceFilter) -> MongoQuery:
    fields = {
        "instance_name": instance_filter.name,
        "phone_number": instance_filter.phone_number,
        "created_by": instance_filter.created_by,
    }
    query: MongoQuery = {name: value for name, value in fields.items() if value is not None}
    ids: MongoQuery = {} if instance_filter.instance_id is None else {"$eq": instance_filter.instance_id}
    if instance_filter.instance_ids is not None:
        ids["$in"] = sorted(instance_filter.instance_ids)
    if ids:
        query["_id"] = ids
    return {"organization_id": instance_filter.organization_id, **query, "deleted_at": None}


def _not_deleted(organization_id: str, instance_id: str) -> MongoQuery:
    return {"_id": instance_id, "organization_id": organization_id, "deleted_at": None}


def _not_removed(organization_id: str, instance_id: str) -> MongoQuery:
    return {"_id": instance_id, "organization_id": organization_id, "removed": {"$ne": True}}


def unknown_instance() -> Problem:
    """The same for an instance that does not exist and for one that the caller must not know of."""
    return Problem(404, "instance_not_found", "there is no such instance; list yours at /api/whatsapp/instances")


def _existing(document: Document | None) -> InstanceRecord:
    if document is None:
        raise unknown_instance()
    return _record(document)


def _record(document: Document) -> InstanceRecord:
    return from_document(InstanceRecord, document)
