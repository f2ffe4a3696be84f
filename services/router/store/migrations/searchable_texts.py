"""Migration: messages and bookings of earlier versions get the terms they are found by. Search finds each from the
moment on it has them."""

import asyncio
from collections.abc import Callable

from services.router.store.search_vocabulary import SearchVocabulary
from shared.platform.mongo import Collection, Database, Document, UpdateOne
from shared.text.search_terms import message_terms, terms_of

MIGRATION_BATCH_SIZE = 500
_PAUSE_S = 0.02
"""After each batch, so that what comes in meanwhile has MongoDB for itself half of the time."""


async def make_texts_searchable(database: Database) -> None:
    """Repeatable. What is edited meanwhile gets its terms with the edit."""
    vocabulary = SearchVocabulary(database)
    await _fill(database["messages"], vocabulary, _terms_of_message)
    await _fill(database["bookings"], vocabulary, lambda booking: terms_of(booking.get("text")))


def _terms_of_message(message: Document) -> list[str]:
    return message_terms(message.get("text"), is_revoked=bool(message.get("revoked_at")))


async def _fill(collection: Collection, vocabulary: SearchVocabulary, terms: Callable[[Document], list[str]]) -> None:
    query = {"organization_id": 1, "text": 1, "revoked_at": 1}
    batch: list[Document] = []
    async for found in collection.find({"search_terms": None}, query, batch_size=MIGRATION_BATCH_SIZE):
        batch.append({**found, "search_terms": terms(found)})
        if len(batch) == MIGRATION_BATCH_SIZE:
            await _store(collection, vocabulary, batch)
            batch = []
    if batch:
        await _store(collection, vocabulary, batch)


async def _store(collection: Collection, vocabulary: SearchVocabulary, batch: list[Document]) -> None:
    await vocabulary.add((each["organization_id"], term) for each in batch for term in each["search_terms"])
    updates = [
        UpdateOne({"_id": each["_id"], "search_terms": None}, {"$set": {"search_terms": each["search_terms"]}})
        for each in batch
    ]
    await collection.bulk_write(updates, ordered=False)
    await asyncio.sleep(_PAUSE_S)
