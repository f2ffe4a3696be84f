"""Message search over all conversations: kind, text, stuck."""

import re
import string
from dataclasses import dataclass
from typing import Any, Literal

from services.api.views.list_search import (
    SortedCollection,
    read_matching_page,
    search_conditions,
    search_limits,
    text_filter,
)
from services.api.views.pagination import DocumentPage, PageRequest, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord
from shared.platform.documents import from_document
from shared.platform.mongo import Database
from shared.text.search_terms import Search

_PUNCTUATION = string.punctuation + "¿¡„“”«»…–—"
"""Ignored around words."""
WORDS_PATTERN = rf"^\s*$|[^\s{re.escape(_PUNCTUATION)}]"
"""Empty, or at least one character that is not punctuation."""


@dataclass(frozen=True)
class MessageFilter:
    """None: no filter. `search`: words; each must be part of a word of the text. `stuck`: outbound, and `queued` or
    `sent` for too long."""

    kind: Literal["message", "note"] | None = None
    search: str | None = None
    stuck: bool | None = None
    conversation_id: str | None = None
    instance_ids: frozenset[str] | None = None


async def search_messages(
    database: Database, organization_id: str, page: PageRequest, filters: MessageFilter
) -> tuple[list[MessageRecord], str | None]:
    """Newest first. Raises Problem 422 `nothing_to_search`, 503 `search_timeout`, 503 `search_not_ready`."""
    query: dict[str, Any] = organization_query(organization_id, filters.instance_ids)
    if filters.kind is not None:
        query["kind"] = filters.kind
    if filters.conversation_id is not None:
        query["conversation_id"] = filters.conversation_id
    if filters.stuck is not None:
        query["stuck_since"] = {"$exists": filters.stuck}
    if (search := Search.of(filters.search)) is None:
        result = await read_page(database.messages, query, "order_key", page)
    else:
        result = await _search(database, query, page, search)
    messages = [from_document(MessageRecord, document) for document in result.documents]
    return messages, result.next_cursor


async def _search(database: Database, query: dict[str, Any], page: PageRequest, search: Search) -> DocumentPage:
    if not search.words:
        raise Problem(422, "nothing_to_search", "search: write at least one word, of letters or digits")
    async with search_limits():
        conditions = await search_conditions(database, query["organization_id"], search)
        if conditions is None:
            return DocumentPage([], None)
        indexed = any(condition.indexed for condition in conditions) or "conversation_id" in query
        candidates = {**query, "$and": [condition.query for condition in conditions]}
        newest_first = SortedCollection(database.messages, "order_key", hint=None if indexed else "by_order")
        return await read_matching_page(newest_first, candidates, page, text_filter(search))
