"""How lists are searched: MongoDB looks words up by their parts and finds the candidates, and each candidate is
compared with what was searched for (shared/text/search_terms.py, docs/decisions/0042)."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api.views.pagination import DocumentPage, PageRequest, ReadOptions, cursor_of, read_page
from shared.contracts.errors import Problem
from shared.platform.mongo import Collection, Database, Document, ExecutionTimeout, OperationFailure
from shared.text.search_terms import MAX_PART, Search, is_unspaced, pairs, runs, searched

MAX_QUERY_TIME_MS = 5_000
"""Of one question to MongoDB."""
MAX_SCAN_S = 2.5
"""After so long a page is answered as it is, with a cursor to go on with."""
MAX_MATCHING_CONTACTS = 1_000
"""Of fewer contacts that match, their conversations and bookings are looked up; of more, these are walked through."""
MAX_VOCABULARY_WORDS = 200
"""So many words of the vocabulary with one part are looked up one by one; MongoDB merges at most 200 places of an index
in their order. A part that more words have is common, and what has it is met soon when the list is walked through."""
MAX_INDEXED_WORDS = 4
"""Words of a search, the longest ones, by which candidates are found. The others are only compared."""
_MAX_BATCH_DOCUMENTS = 500
_NO_SUCH_INDEX = 2
"""MongoDB's number for a hint that names none."""

CandidateFilter = Callable[[list[Document]], Awaitable[list[Document]]]
"""Of some candidates, in their order, those that match."""


@asynccontextmanager
async def search_limits() -> AsyncIterator[None]:
    """Raises Problem 503 `search_timeout`, 503 `search_not_ready`."""
    try:
        yield
    except ExecutionTimeout as error:
        detail = "the search took too long; write more letters of the word, or one more word"
        raise Problem(503, "search_timeout", detail) from error
    except OperationFailure as error:
        if error.code != _NO_SUCH_INDEX:
            raise
        detail = "the index of the search is still being made; try again in a moment"
        raise Problem(503, "search_not_ready", detail) from error


@dataclass(frozen=True)
class SearchCondition:
    """Which documents have a word. `indexed`: MongoDB finds them by its index, and need not look at others."""

    query: Document
    indexed: bool = True


async def search_conditions(database: Database, organization_id: str, search: Search) -> list[SearchCondition] | None:
    """All of which what matches fulfils, by its `search_terms`; None when nothing can match."""
    found = await asyncio.gather(
        *(search_condition(database, organization_id, run) for run in search.runs()[:MAX_INDEXED_WORDS])
    )
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


async def search_condition(database: Database, organization_id: str, run: str) -> SearchCondition | None:
    """None when no word of the organization has this part."""
    if is_unspaced(run) and len(run) > 1:
        return SearchCondition({"search_terms": {"$all": pairs(run)[:MAX_INDEXED_WORDS]}})
    part = re.escape(run[:MAX_PART])
    wanted = {"organization_id": organization_id, "parts": {"$regex": f"^{part}"}}
    cursor = (
        database["search_terms"].find(wanted, {"_id": 1}).limit(MAX_VOCABULARY_WORDS + 1).max_time_ms(MAX_QUERY_TIME_MS)
    )
    words = [str(word["_id"]).partition(":")[2] async for word in cursor]
    if len(words) > MAX_VOCABULARY_WORDS:
        return SearchCondition({"search_terms": {"$regex": part}}, indexed=False)
    return SearchCondition({"search_terms": {"$in": words}}) if words else None


def contact_query(search: Search) -> Document:
    """Contacts that may match: each word, or the number, is a part of a word of the name or of a number."""
    longest = [max(runs(word), key=len) for word in search.words]
    words = sorted(longest, key=len, reverse=True)[:MAX_INDEXED_WORDS]
    all_words: Document = {"$and": [_has_part(word) for word in words]}
    return {"$or": [all_words, _has_part(search.number)]} if search.number else all_words


def _has_part(word: str) -> Document:
    return {"search_parts": {"$regex": f"^{re.escape(word[:MAX_PART])}"}}


async def matching_contacts(database: Database, organization_id: str, search: Search) -> list[str] | None:
    """Their ids; None when there are more than MAX_PEOPLE."""
    if not search.words:
        return []
    wanted = {"organization_id": organization_id, **contact_query(search)}
    cursor = database["contacts"].find(wanted, {"name": 1, "phone_number": 1, "aliases": 1})
    found = await cursor.limit(MAX_MATCHING_CONTACTS + 1).max_time_ms(MAX_QUERY_TIME_MS).to_list(None)
    if len(found) > MAX_MATCHING_CONTACTS:
        return None
    return [contact["_id"] for contact in found if search.matches_contact(contact)]


@dataclass(frozen=True)
class SortedCollection:
    """A collection, and the field it is sorted by. `hint`: the index to read it by."""

    collection: Collection
    sort_field: str
    hint: str | None = None


async def read_matching_page(
    listing: SortedCollection, wanted: Document, request: PageRequest, keep: CandidateFilter
) -> DocumentPage:
    """A page of those that `wanted` finds and `keep` keeps. It is a short one, with a cursor, when looking for them
    took MAX_WALK_S."""
    kept: list[Document] = []
    chunk, cursor, end = request.limit, request.cursor, time.monotonic() + MAX_SCAN_S
    how = ReadOptions(MAX_QUERY_TIME_MS, listing.hint)
    while True:
        page = await read_page(listing.collection, wanted, listing.sort_field, PageRequest(chunk, cursor), how)
        kept += await keep(page.documents)
        if len(kept) > request.limit or (len(kept) == request.limit and page.next_cursor):
            documents = kept[: request.limit]
            return DocumentPage(documents, cursor_of(documents[-1], listing.sort_field))
        cursor = page.next_cursor
        if cursor is None or time.monotonic() > end:
            return DocumentPage(kept, cursor)
        chunk = min(2 * chunk, _MAX_BATCH_DOCUMENTS)


def by_text(search: Search) -> CandidateFilter:
    """Keeps what has all words in its text."""

    async def keep(documents: list[Document]) -> list[Document]:
        return [each for each in documents if search.matches_text(each.get("text"))]

    return keep


def by_contact(database: Database, organization_id: str, search: Search, *, or_text: bool = False) -> CandidateFilter:
    """Keeps what has all words in its contact's name or number, or, if asked for, in its text."""

    async def keep(documents: list[Document]) -> list[Document]:
        ids = sorted({each["contact_id"] for each in documents})
        wanted = {"_id": {"$in": ids}, "organization_id": organization_id}
        cursor = database["contacts"].find(wanted, {"name": 1, "phone_number": 1, "aliases": 1})
        known = {contact["_id"]: contact async for contact in cursor}
        texts = {each["_id"]: [searched(each.get("text"))] if or_text else [] for each in documents}
        return [
            each for each in documents if search.matches_contact(known.get(each["contact_id"], {}), *texts[each["_id"]])
        ]

    return keep
