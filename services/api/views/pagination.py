"""Pages that stay stable while documents are added: sorted by an order key, a time or a name, and the id; continued
after an opaque cursor."""

import base64
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts.errors import Problem
from shared.contracts.order_keys import MAX_ORDER_KEY
from shared.platform.mongo import Collection, Document


@dataclass(frozen=True)
class PageRequest:
    """`limit` documents, in the order of the list, after the one that `cursor` names."""

    limit: int
    cursor: str | None = None


@dataclass(frozen=True)
class DocumentPage:
    documents: list[Document]
    next_cursor: str | None


@dataclass(frozen=True)
class ReadOptions:
    """How MongoDB reads. `hint`: the index to use, where its own choice may be a bad one."""

    max_time_ms: int | None = None
    hint: str | None = None


def organization_query(
    organization_id: str, instance_ids: frozenset[str] | None = None, *, by: str = "instance_id"
) -> dict[str, Any]:
    """The query for an organization's documents, or only for those of some instances, which the field `by` names."""
    mine: dict[str, Any] = {"organization_id": organization_id}
    return mine if instance_ids is None else {**mine, by: {"$in": sorted(instance_ids)}}


_DEFAULT_READ_OPTIONS = ReadOptions()
INTERNAL_FIELDS = {"search_terms": 0, "search_parts": 0}
"""Only MongoDB needs them."""
SORT_NAME = "sort_name"
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


def encode_name_cursor(name: str, document_id: str) -> str:
    letters = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
    return f"0.{letters}~{urllib.parse.quote(document_id, safe='')}"


def decode_name_cursor(cursor: str) -> tuple[str, str]:
    """Of a list sorted by names. Raises Problem 422 `invalid_cursor`."""
    _, place = _split(cursor)
    name, _, document_id = place.rpartition("~")
    letters = re.sub("[^A-Za-z0-9_-]", "", name)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]  # one letter alone is no byte
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4)).decode(errors="ignore"), document_id


def cursor_of(document: Document, sorted_by: str) -> str:
    """The place of a document in a list."""
    place = document.get(sorted_by)
    if sorted_by == SORT_NAME:
        return encode_name_cursor(place or "", document["_id"])
    return encode_cursor(place or 0, document["_id"])


_DECODERS: dict[str, Callable[[str], tuple[Any, str]]] = {"order_key": decode_key_cursor, SORT_NAME: decode_name_cursor}


async def read_page(
    collection: Collection,
    wanted: dict[str, Any],
    sorted_by: str,
    request: PageRequest,
    how: ReadOptions = _DEFAULT_READ_OPTIONS,
) -> DocumentPage:
    """One page of what `wanted` finds, sorted by the field `sorted_by`: an `order_key` or a time, newest first, or a
    `sort_name`, ascending."""
    query, direction = dict(wanted), 1 if sorted_by == SORT_NAME else -1
    if request.cursor:
        place, document_id = _DECODERS.get(sorted_by, decode_cursor)(request.cursor)
        behind = "$gt" if direction == 1 else "$lt"
        later = {"$or": [{sorted_by: {behind: place}}, {sorted_by: place, "_id": {behind: document_id}}]}
        query = {"$and": [query, later]}
    cursor = collection.find(query, INTERNAL_FIELDS).sort([(sorted_by, direction), ("_id", direction)])
    if how.max_time_ms is not None:
        cursor = cursor.max_time_ms(how.max_time_ms)
    if how.hint is not None:
        cursor = cursor.hint(how.hint)
    found = await cursor.limit(request.limit + 1).to_list(None)
    documents = found[: request.limit]
    return DocumentPage(documents, cursor_of(documents[-1], sorted_by) if len(found) > request.limit else None)
