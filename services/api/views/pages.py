"""Pages that stay stable while documents are added: sorted by a time and the id, continued after an opaque cursor."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.errors import Problem
from shared.mongo import Collection, Document


@dataclass(frozen=True)
class PageRequest:
    """`limit` documents, newest first, after the one that `cursor` names."""

    limit: int
    cursor: str | None = None


@dataclass(frozen=True)
class Page:
    documents: list[Document]
    next_cursor: str | None


def own(organization_id: str, instance_ids: frozenset[str] | None = None, *, by: str = "instance_id") -> dict[str, Any]:
    """The query for an organization's documents, or only for those of some instances, which the field `by` names."""
    mine: dict[str, Any] = {"organization_id": organization_id}
    return mine if instance_ids is None else {**mine, by: {"$in": sorted(instance_ids)}}


def encode_cursor(at: datetime, document_id: str) -> str:
    text = json.dumps([round(at.timestamp() * 1000), document_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Raises Problem 422 `invalid_cursor`."""
    try:
        milliseconds, document_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(milliseconds, int) or not isinstance(document_id, str):
            raise ValueError("not a cursor of ours")
        return datetime.fromtimestamp(milliseconds / 1000, UTC), document_id
    except (ValueError, TypeError, OverflowError, OSError) as error:
        detail = "cursor: not a cursor of this API; take next_cursor of the page before, or leave it out"
        raise Problem(422, "invalid_cursor", detail) from error


async def read_page(collection: Collection, wanted: dict[str, Any], sorted_by: str, request: PageRequest) -> Page:
    """One page of what `wanted` finds, sorted by the time field `sorted_by`, newest first."""
    query = dict(wanted)
    if request.cursor:
        at, document_id = decode_cursor(request.cursor)
        older = {"$or": [{sorted_by: {"$lt": at}}, {sorted_by: at, "_id": {"$lt": document_id}}]}
        query = {"$and": [query, older]}
    found = await collection.find(query).sort([(sorted_by, -1), ("_id", -1)]).to_list(request.limit + 1)
    documents = found[: request.limit]
    more = len(found) > request.limit
    last = documents[-1] if more else None
    return Page(documents, encode_cursor(last[sorted_by], last["_id"]) if last else None)
