"""Pages that stay stable while documents are added: sorted by a time and the id, continued after an opaque cursor."""

import re
import urllib.parse
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


MAX_CURSOR_LENGTH = 300
CURSOR_PATTERN = r"^([0-9]{1,14}\.[A-Za-z0-9_.~%-]{0,280})?$"
"""Milliseconds since 1970 and an id; empty: the first page. Every text of this form is a place in a list."""
_CURSOR = re.compile(CURSOR_PATTERN.removesuffix("?$"))  # the first page needs no place


def encode_cursor(at: datetime, document_id: str) -> str:
    return f"{max(0, round(at.timestamp() * 1000))}.{urllib.parse.quote(document_id, safe='')}"


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Raises Problem 422 `invalid_cursor`."""
    if not _CURSOR.fullmatch(cursor):
        detail = "cursor: not a cursor of this list; take next_cursor of the page before, or leave it out"
        raise Problem(422, "invalid_cursor", detail)
    milliseconds, _, document_id = cursor.partition(".")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC), urllib.parse.unquote(document_id)


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
