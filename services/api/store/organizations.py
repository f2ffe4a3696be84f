"""Names and settings of organizations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.errors import Problem
from shared.contracts.records import OrganizationSettings
from shared.platform.mongo import ClientSession, Database, Document, in_transaction


@dataclass(frozen=True)
class OrganizationRecord:
    id: str
    name: str
    created_at: datetime
    settings: OrganizationSettings


class Organizations:
    """Collection `organizations`. Documents are created by registration; the router reads `settings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, organization_id: str) -> OrganizationRecord:
        """Raises Problem 404 `organization_not_found`."""
        return _record(await self._read(organization_id))

    async def change(
        self, organization_id: str, changes: Mapping[str, object], name: str | None = None
    ) -> OrganizationRecord:
        """Merge `changes` into the settings, in a transaction, so that concurrent changes do not overwrite each other;
        give it the `name`, if there is one. Returns the organization after it.

        Raises Problem 404 `organization_not_found`, and ValidationError when the settings would contradict each other.
        """

        async def write(session: ClientSession) -> OrganizationRecord:
            organization = await self._read(organization_id, session)
            settings = OrganizationSettings.model_validate({**organization.get("settings", {}), **changes})
            changed: Document = {"settings": settings.model_dump(mode="json")} | ({"name": name} if name else {})
            await self._database.organizations.update_one({"_id": organization_id}, {"$set": changed}, session=session)
            return _record({**organization, **changed})

        return await in_transaction(self._database, write)

    async def _read(self, organization_id: str, session: ClientSession | None = None) -> Document:
        organization = await self._database.organizations.find_one({"_id": organization_id}, session=session)
        if organization is None:
            raise Problem(404, "organization_not_found", "this organization does not exist any more")
        return organization


def _record(organization: Document) -> OrganizationRecord:
    settings = OrganizationSettings.model_validate(organization.get("settings", {}))
    return OrganizationRecord(organization["_id"], organization["name"], organization["created_at"], settings)
