"""Message search over all conversations: kind, text, stuck."""

import re
import string
from dataclasses import dataclass
from typing import Literal

from services.api.views.list_search import search_conditions, search_limits, text_filter
from services.api.views.message_details import message_of
from services.api.views.pagination import (
    PageRequest,
    RecordPage,
    SortedCollection,
    organization_query,
    read_matching_page,
    read_page,
)
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Database, MongoQuery
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
    query = organization_query(organization_id, filters.instance_ids)
    if filters.kind is not None:
        query["kind"] = filters.kind
    if filters.conversation_id is not None:
        query["conversation_id"] = filters.conversation_id
    if filters.stuck is not None:
        query["stuck_since"] = {"$exists": filters.stuck}
    if (search := Search.of(filters.search)) is None:
        result = await read_page(SortedCollection(database.messages, "order_key", message_of), query, page)
    else:
        result = await _search(database, query, page, search)
    return result.records, result.next_cursor


async def _search(
    database: Database, query: MongoQuery, page: PageRequest, search: Search
) -> RecordPage[MessageRecord]:
    if not search.words:
        raise Problem(422, "nothing_to_search", "search: write at least one word, of letters or digits")
    async with search_limits():
        conditions = await search_conditions(database, query["organization_id"], search)
        if conditions is None:
            return RecordPage([], None)
        indexed = any(condition.indexed for condition in conditions) or "conversation_id" in query
        candidates = {**query, "$and": [condition.query for condition in conditions]}
        hint = None if indexed else "by_order"
        newest_first = SortedCollection(database.messages, "order_key", message_of, hint)
        return await read_matching_page(newest_first, candidates, page, text_filter(search))
