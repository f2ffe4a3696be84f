"""Pages that stay stable while documents are added: sorted by an order key or a time, and the id; continued after an
opaque cursor."""

import re
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.errors import Problem
from shared.mongo import Collection, Document
from shared.ordering import MAX_ORDER_KEY


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
CURSOR_PATTERN = r"^([0-9]{1,16}\.[A-Za-z0-9_.~%-]{0,280})?$"
"""An order key (16 digits) or milliseconds since 1970 (fewer), and an id; empty: the first page. Every text of this
form is a place in a list."""
_CURSOR = re.compile(CURSOR_PATTERN.removesuffix("?$"))  # the first page needs no place


_KEY_DIGITS = 16
_MAX_MILLISECONDS = 10**14 - 1


def encode_cursor(place: datetime | int, document_id: str) -> str:
    """`place`: an order key, or a time."""
    milliseconds = place.timestamp() * 1000 if isinstance(place, datetime) else None
    number = f"{place:0{_KEY_DIGITS}}" if milliseconds is None else str(max(0, round(milliseconds)))
    return f"{number}.{urllib.parse.quote(document_id, safe='')}"


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """Of a list sorted by a time. Raises Problem 422 `invalid_cursor`."""
    number, document_id = _split(cursor)
    return datetime.fromtimestamp(min(int(number), _MAX_MILLISECONDS) / 1000, UTC), document_id


def decode_key_cursor(cursor: str) -> tuple[int, str]:
    """Of a list sorted by order keys. A cursor of an earlier version has the milliseconds the key was made of: its page
    begins with what has the same millisecond, so that a reader gets some again and misses none. Raises Problem 422."""
    number, document_id = _split(cursor)
    if len(number) == _KEY_DIGITS:
        return min(int(number), MAX_ORDER_KEY), document_id
    return min((int(number) + 1) * 1000, MAX_ORDER_KEY), ""


def _split(cursor: str) -> tuple[str, str]:
    if not _CURSOR.fullmatch(cursor):
        detail = "cursor: not a cursor of this list; take next_cursor of the page before, or leave it out"
        raise Problem(422, "invalid_cursor", detail)
    number, _, document_id = cursor.partition(".")
    return number, urllib.parse.unquote(document_id)


async def read_page(collection: Collection, wanted: dict[str, Any], sorted_by: str, request: PageRequest) -> Page:
    """One page of what `wanted` finds, sorted by the field `sorted_by`, an `order_key` or a time, newest first."""
    query = dict(wanted)
    if request.cursor:
        decode = decode_key_cursor if sorted_by == "order_key" else decode_cursor
        place, document_id = decode(request.cursor)
        older = {"$or": [{sorted_by: {"$lt": place}}, {sorted_by: place, "_id": {"$lt": document_id}}]}
        query = {"$and": [query, older]}
    found = await collection.find(query).sort([(sorted_by, -1), ("_id", -1)]).to_list(request.limit + 1)
    documents = found[: request.limit]
    more = len(found) > request.limit
    last = documents[-1] if more else None
    return Page(documents, encode_cursor(last.get(sorted_by) or 0, last["_id"]) if last else None)
