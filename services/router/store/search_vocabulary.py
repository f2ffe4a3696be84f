"""The words of an organization's messages and bookings, each with its parts: search finds words by any part
(docs/decisions/0042). A word is stored before, or together with, the document that has it, and is never removed."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from shared.platform.mongo import Database, DuplicateKeyError, IndexModel, collection_of
from shared.platform.operation_batcher import insert_each
from shared.text.search_terms import parts_of

INDEXES = [IndexModel([("organization_id", 1), ("parts", 1)], name="by_part")]

_MAX_REMEMBERED = 300_000
"""Stored words that a process remembers; 50 MB."""
_MAX_WORDS_PER_INSERT = 1_000

Word = tuple[str, str]
"""Organization and term."""


class SearchVocabulary:
    def __init__(self, database: Database) -> None:
        self._terms = collection_of(database, "search_terms", StoredWord)
        self._known = set[Word]()

    async def add(self, words: Iterable[Word]) -> None:
        """Store the words, in one round trip; none when all are known. Repeatable."""
        new = list(dict.fromkeys(word for word in words if word not in self._known))
        for start in range(0, len(new), _MAX_WORDS_PER_INSERT):
            await self._store(new[start : start + _MAX_WORDS_PER_INSERT])

    async def _store(self, words: Sequence[Word]) -> None:
        for error in await insert_each(self._terms, [_document(*word) for word in words]):
            if error is not None and not isinstance(error, DuplicateKeyError):
                raise error
        if len(self._known) + len(words) > _MAX_REMEMBERED:
            self._known.clear()
        self._known.update(words)


class StoredWord(TypedDict):
    """A document of `search_terms`."""

    _id: str
    organization_id: str
    parts: list[str]


def _document(organization_id: str, term: str) -> StoredWord:
    # the id says it all: two replicas that store the same word store one document
    return {"_id": f"{organization_id}:{term}", "organization_id": organization_id, "parts": parts_of(term)}
