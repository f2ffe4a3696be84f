"""What an organization chose for itself."""

from typing import Any

from shared.contracts.errors import Problem
from shared.contracts.records import OrganizationSettings
from shared.platform.mongo import Database, Document, in_transaction


class Organizations:
    """Collection `organizations`, made by registration; the router reads `settings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, organization_id: str) -> Document:
        """Raises Problem 404 `organization_not_found`."""
        return await self._read(organization_id, None)

    async def change(self, organization_id: str, changes: Document) -> Document:
        """Set some settings and leave the others; two changes at once both count. The organization after it.

        Raises Problem 404, and ValidationError when the whole would contradict itself.
        """

        async def write(session: Any) -> Document:
            found = await self._read(organization_id, session)
            settings = OrganizationSettings.model_validate({**found.get("settings", {}), **changes})
            stored = {"settings": settings.model_dump(mode="json")}
            await self._database.organizations.update_one({"_id": organization_id}, {"$set": stored}, session=session)
            return {**found, **stored}

        return await in_transaction(self._database, write)

    async def _read(self, organization_id: str, session: Any) -> Document:
        found = await self._database.organizations.find_one({"_id": organization_id}, session=session)
        if found is None:
            raise Problem(404, "organization_not_found", "this organization does not exist any more")
        return found
