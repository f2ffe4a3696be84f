"""Pages of lists by keyset pagination: sorted by an order key, a time or a name, then by id. An opaque cursor names the
last document, so pages stay stable while documents are added."""

import base64
import re
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypedDict, TypeVar, cast

from shared.contracts.errors import Problem
from shared.contracts.order_keys import MAX_ORDER_KEY
from shared.platform.mongo import Collection, Document, MongoQuery

R = TypeVar("R")

MAX_QUERY_TIME_MS = 5_000
"""Of one query to MongoDB in a search."""
MAX_SCAN_S = 2.5
"""After this time a page of a search is returned although it is not full, with a cursor to continue."""
_MAX_BATCH_DOCUMENTS = 500


@dataclass(frozen=True)
class PageRequest:
    """`limit` documents after the position `cursor`; None: from the beginning."""

    limit: int
    cursor: str | None = None


@dataclass(frozen=True)
class RecordPage(Generic[R]):
    records: list[R]
    next_cursor: str | None


@dataclass(frozen=True)
class SortedCollection(Generic[R]):
    """`sort_field`: an `order_key` or a time, newest first; or `sort_name`, ascending. `read`: makes a record of a
    document. `hint`: the index to use, where MongoDB might choose a bad one."""

    collection: Collection
    sort_field: str
    read: Callable[[Document], R]
    hint: str | None = None


class Candidate(TypedDict, total=False):
    """A document of a list as far as a search compares it; it is not converted before it matches."""

    _id: str
    contact_id: str
    text: str | None
    name: str | None
    phone_number: str | None
    aliases: list[str]


CandidateFilter = Callable[[Sequence[Candidate]], Awaitable[list[bool]]]
"""Returns for each candidate whether it matches."""


def organization_query(
    organization_id: str, instance_ids: frozenset[str] | None = None, *, id_field: str = "instance_id"
) -> MongoQuery:
    """The query for an organization's documents; with `instance_ids` only for those of these instances, by
    `id_field`."""
    query: MongoQuery = {"organization_id": organization_id}
    return query if instance_ids is None else {**query, id_field: {"$in": sorted(instance_ids)}}


INTERNAL_FIELDS = {"search_terms": 0, "search_parts": 0}
"""Excluded from results: only used by indexes."""
SORT_NAME = "sort_name"
MAX_CURSOR_LENGTH = 300
CURSOR_PATTERN = r"^([0-9]{1,16}\.[A-Za-z0-9_.~%-]{0,280})?$"
"""An order key (16 digits) or milliseconds since 1970 (fewer digits), and an id; empty: the first page. Every text of
this form is a valid position in a list."""
_CURSOR = re.compile(CURSOR_PATTERN.removesuffix("?$"))  # without the empty cursor


_KEY_DIGITS = 16
_MAX_MILLISECONDS = 10**14 - 1


def encode_cursor(position: datetime | int, document_id: str) -> str:
    """`position`: an order key or a time."""
    milliseconds = position.timestamp() * 1000 if isinstance(position, datetime) else None
    number = f"{position:0{_KEY_DIGITS}}" if milliseconds is None else str(max(0, round(milliseconds)))
    return f"{number}.{urllib.parse.quote(document_id, safe='')}"


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """For lists that are sorted by a time. Raises Problem 422 `invalid_cursor`."""
    number, document_id = _split(cursor)
    return datetime.fromtimestamp(min(int(number), _MAX_MILLISECONDS) / 1000, UTC), document_id


def decode_key_cursor(cursor: str) -> tuple[int, str]:
    """For lists that are sorted by order keys. A cursor of an earlier version has the milliseconds of the key: its page
    begins with documents of the same millisecond, so that some may be read twice but none is missed. Raises Problem 422
    `invalid_cursor`."""
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
    encoded = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
    return f"0.{encoded}~{urllib.parse.quote(document_id, safe='')}"


def decode_name_cursor(cursor: str) -> tuple[str, str]:
    """For lists that are sorted by name. Raises Problem 422 `invalid_cursor`."""
    _, position = _split(cursor)
    name, _, document_id = position.rpartition("~")
    encoded = re.sub("[^A-Za-z0-9_-]", "", name)
    encoded = encoded[: len(encoded) - (len(encoded) % 4 == 1)]  # a single letter is less than a byte
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode(errors="ignore"), document_id


async def read_page(
    source: SortedCollection[R], query: MongoQuery, request: PageRequest, max_time_ms: int | None = None
) -> RecordPage[R]:
    """One page of the documents that match `query`."""
    documents, next_cursor = await _read_documents(source, query, request, max_time_ms)
    return RecordPage([source.read(document) for document in documents], next_cursor)


async def read_matching_page(
    source: SortedCollection[R], query: MongoQuery, request: PageRequest, candidate_filter: CandidateFilter
) -> RecordPage[R]:
    """A page of the documents that match `query` and `candidate_filter`. After MAX_SCAN_S it is returned although it is
    not full, with a cursor."""
    matching: list[Document] = []
    batch = request
    deadline = time.monotonic() + MAX_SCAN_S
    while True:
        documents, next_cursor = await _read_documents(source, query, batch, MAX_QUERY_TIME_MS)
        is_match = await candidate_filter(cast(list[Candidate], documents))
        matching += [document for document, matches in zip(documents, is_match, strict=True) if matches]
        if len(matching) > request.limit or (len(matching) == request.limit and next_cursor):
            matching = matching[: request.limit]
            next_cursor = _cursor_of(matching[-1], source.sort_field)
            break
        if next_cursor is None or time.monotonic() > deadline:
            break
        batch = PageRequest(min(2 * batch.limit, _MAX_BATCH_DOCUMENTS), next_cursor)
    return RecordPage([source.read(document) for document in matching], next_cursor)


async def _read_documents(
    source: SortedCollection[R], query: MongoQuery, request: PageRequest, max_time_ms: int | None
) -> tuple[list[Document], str | None]:
    """Documents of one page, and the next cursor."""
    sort_field, direction = source.sort_field, 1 if source.sort_field == SORT_NAME else -1
    if request.cursor:
        position, document_id = _position(request.cursor, sort_field)
        beyond = "$gt" if direction == 1 else "$lt"
        after = {"$or": [{sort_field: {beyond: position}}, {sort_field: position, "_id": {beyond: document_id}}]}
        query = {"$and": [query, after]}
    cursor = source.collection.find(query, INTERNAL_FIELDS).sort([(sort_field, direction), ("_id", direction)])
    if max_time_ms is not None:
        cursor = cursor.max_time_ms(max_time_ms)
    if source.hint is not None:
        cursor = cursor.hint(source.hint)
    documents = await cursor.limit(request.limit + 1).to_list(None)
    page = documents[: request.limit]
    return page, _cursor_of(page[-1], sort_field) if len(documents) > request.limit else None


def _position(cursor: str, sort_field: str) -> tuple[datetime | int | str, str]:
    """The value of the sort field, and the id. Raises Problem 422 `invalid_cursor`."""
    if sort_field == "order_key":
        return decode_key_cursor(cursor)
    return decode_name_cursor(cursor) if sort_field == SORT_NAME else decode_cursor(cursor)


def _cursor_of(document: Document, sort_field: str) -> str:
    """The position of a document in a list that is sorted by `sort_field`."""
    position = document.get(sort_field)
    if sort_field == SORT_NAME:
        return encode_name_cursor(position or "", document["_id"])
    return encode_cursor(position or 0, document["_id"])
