"""Search in lists: MongoDB finds candidates by parts of words, and each candidate is compared with the search
(shared/text/search_terms.py, docs/decisions/0042)."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api.views.index_hints import NO_SUCH_INDEX
from services.api.views.pagination import MAX_QUERY_TIME_MS, Candidate, CandidateFilter
from shared.contracts.errors import Problem
from shared.platform.mongo import CollectionOf, Database, ExecutionTimeout, MongoQuery, OperationFailure, collection_of
from shared.text.search_terms import MAX_PART, Search, SearchedContact, is_unspaced, pairs, runs, searched

MAX_MATCHING_CONTACTS = 1_000
"""Up to so many matching contacts, their conversations and bookings are looked up by contact; above it, lists are
scanned."""
MAX_VOCABULARY_WORDS = 200
"""Up to so many words of the vocabulary that contain a part are looked up one by one: MongoDB merges at most 200 index
ranges in order. A part that more words contain is common, so scanning the list finds matches soon."""
MAX_INDEXED_WORDS = 4
"""Candidates are found by the longest words of a search, up to so many. The other words are only compared."""


@asynccontextmanager
async def search_limits() -> AsyncIterator[None]:
    """Converts errors of MongoDB to Problem 503 `search_timeout` or 503 `search_not_ready`."""
    try:
        yield
    except ExecutionTimeout as error:
        detail = "the search took too long; write more letters of the word, or one more word"
        raise Problem(503, "search_timeout", detail) from error
    except OperationFailure as error:
        if error.code != NO_SUCH_INDEX:
            raise
        detail = "the index of the search is still being made; try again in a moment"
        raise Problem(503, "search_not_ready", detail) from error


@dataclass(frozen=True)
class SearchCondition:
    """A query for the documents that have a word. `indexed`: MongoDB finds them by index, without scanning others."""

    query: MongoQuery
    indexed: bool = True


async def search_conditions(database: Database, organization_id: str, search: Search) -> list[SearchCondition] | None:
    """Conditions that every match fulfils, on its `search_terms`; None when nothing can match."""
    runs_to_find = search.runs()[:MAX_INDEXED_WORDS]
    results = await asyncio.gather(*(search_condition(database, organization_id, run) for run in runs_to_find))
    conditions = [condition for condition in results if condition is not None]
    return conditions if len(conditions) == len(results) else None


async def search_condition(database: Database, organization_id: str, run: str) -> SearchCondition | None:
    """None when no word in the organization contains this part."""
    if is_unspaced(run) and len(run) > 1:
        return SearchCondition({"search_terms": {"$all": pairs(run)[:MAX_INDEXED_WORDS]}})
    part = re.escape(run[:MAX_PART])
    query = {"organization_id": organization_id, "parts": {"$regex": f"^{part}"}}
    cursor = (
        database["search_terms"].find(query, {"_id": 1}).limit(MAX_VOCABULARY_WORDS + 1).max_time_ms(MAX_QUERY_TIME_MS)
    )
    words = [str(word["_id"]).partition(":")[2] async for word in cursor]
    if len(words) > MAX_VOCABULARY_WORDS:
        return SearchCondition({"search_terms": {"$regex": part}}, indexed=False)
    return SearchCondition({"search_terms": {"$in": words}}) if words else None


def contact_query(search: Search) -> MongoQuery:
    """A query for contacts that may match: each word, or the number, is part of a word of the name or of a number."""
    longest = [max(runs(word), key=len) for word in search.words]
    words = sorted(longest, key=len, reverse=True)[:MAX_INDEXED_WORDS]
    all_words: MongoQuery = {"$and": [_has_part(word) for word in words]}
    return {"$or": [all_words, _has_part(search.number)]} if search.number else all_words


def _has_part(word: str) -> MongoQuery:
    return {"search_parts": {"$regex": f"^{re.escape(word[:MAX_PART])}"}}


class _FoundContact(SearchedContact):
    _id: str


def _contacts(database: Database) -> CollectionOf[_FoundContact]:
    return collection_of(database, "contacts", _FoundContact)


async def matching_contacts(database: Database, organization_id: str, search: Search) -> list[str] | None:
    """Ids of the matching contacts; None when there are more than MAX_MATCHING_CONTACTS."""
    if not search.words:
        return []
    query = {"organization_id": organization_id, **contact_query(search)}
    cursor = _contacts(database).find(query, {"name": 1, "phone_number": 1, "aliases": 1})
    contacts = await cursor.limit(MAX_MATCHING_CONTACTS + 1).max_time_ms(MAX_QUERY_TIME_MS).to_list(None)
    if len(contacts) > MAX_MATCHING_CONTACTS:
        return None
    return [contact["_id"] for contact in contacts if search.matches_contact(contact)]


def text_filter(search: Search) -> CandidateFilter:
    """Documents that have all words in their text."""

    async def matching(candidates: Sequence[Candidate]) -> list[bool]:
        return [search.matches_text(each.get("text")) for each in candidates]

    return matching


def name_filter(search: Search) -> CandidateFilter:
    """Contacts that have all words in their name or numbers."""

    async def matching(candidates: Sequence[Candidate]) -> list[bool]:
        return [search.matches_contact(each) for each in candidates]

    return matching


def all_of(filters: Sequence[CandidateFilter]) -> CandidateFilter:
    """Documents that match each of these; one is only asked about what matches those before it."""

    async def matching(candidates: Sequence[Candidate]) -> list[bool]:
        left = list(range(len(candidates)))
        for matches in filters:
            results = await matches([candidates[place] for place in left])
            left = [place for place, is_match in zip(left, results, strict=True) if is_match]
        kept = set(left)
        return [place in kept for place in range(len(candidates))]

    return matching


def contact_filter(
    database: Database, organization_id: str, search: Search, *, or_text: bool = False
) -> CandidateFilter:
    """Documents that have all words in their contact's name or number, or, with `or_text`, in their text."""

    async def matching(candidates: Sequence[Candidate]) -> list[bool]:
        ids = sorted({each["contact_id"] for each in candidates})
        query = {"_id": {"$in": ids}, "organization_id": organization_id}
        cursor = _contacts(database).find(query, {"name": 1, "phone_number": 1, "aliases": 1})
        contacts = {contact["_id"]: contact async for contact in cursor}

        def matches(candidate: Candidate) -> bool:
            texts = [searched(candidate.get("text"))] if or_text else []
            contact = contacts.get(candidate["contact_id"])
            return search.matches_contact(contact, *texts) if contact else search.matches(*texts)

        return [matches(candidate) for candidate in candidates]

    return matching
