"""The audit log: who did what, when, from where. Entries are never changed; MongoDB deletes them after
`WA_AUDIT_KEPT`."""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from pydantic import BaseModel

from services.api.views.pagination import PageRequest, SortedCollection, organization_query, read_page
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.documents import from_document
from shared.platform.mongo import ClientSession, Collection, IndexModel


@dataclass(frozen=True)
class AuditEvent:
    """`actor`: user id or `key:<id>`. `action`: name of the operation. `address`: IP address of the client. `target`:
    the ids in the path."""

    organization_id: str
    actor: str
    action: str
    address: str
    request_id: str
    target: dict[str, str] = field(default_factory=dict)


class AuditEntry(BaseModel):
    """`target`: the ids in the path of the request, such as `instance_id`."""

    id: str
    at: datetime
    actor: str
    action: str
    target: dict[str, object]
    address: str
    request_id: str


class AuditLog:
    """Collection `audit`."""

    INDEXES: ClassVar = {
        "audit": [
            IndexModel([("organization_id", 1), ("at", -1), ("_id", -1)]),
            IndexModel("expires_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, collection: Collection, retention: timedelta) -> None:
        self._audit = collection
        self._retention = retention

    async def record(self, event: AuditEvent, session: ClientSession | None = None) -> None:
        now = utc_now()
        entry = {"_id": new_id(), "at": now, "expires_at": now + self._retention, **asdict(event)}
        await self._audit.insert_one(entry, session=session)

    async def page(
        self, organization_id: str, page: PageRequest, actor: str | None, action: str | None
    ) -> tuple[list[AuditEntry], str | None]:
        """Newest first; `actor` and `action` filter, None: all."""
        filters = {name: value for name, value in (("actor", actor), ("action", action)) if value is not None}
        newest_first = SortedCollection(self._audit, "at", partial(from_document, AuditEntry))
        result = await read_page(newest_first, {**organization_query(organization_id), **filters}, page)
        return result.records, result.next_cursor
