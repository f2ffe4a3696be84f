"""Messages of all conversations, found by what they are and by their words."""

import re
import string
from dataclasses import dataclass
from typing import Any, Literal

from services.api.views.list_search import (
    SortedCollection,
    by_text,
    read_matching_page,
    search_conditions,
    search_limits,
)
from services.api.views.pagination import DocumentPage, PageRequest, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Database
from shared.text.search_terms import Search

_PUNCTUATION = string.punctuation + "¿¡„“”«»…–—"
"""Around words they mean nothing."""
WORDS_PATTERN = rf"^\s*$|[^\s{re.escape(_PUNCTUATION)}]"
"""Nothing at all, or something beside signs."""


@dataclass(frozen=True)
class MessageFilter:
    """Which messages; None: whatever it is. `search`: words, each of which must be a part of a word of the text.
    `stuck`: of ours, and `queued` or `sent` for too long."""

    kind: Literal["message", "note"] | None = None
    search: str | None = None
    stuck: bool | None = None
    conversation_id: str | None = None
    instance_ids: frozenset[str] | None = None


async def search_messages(
    database: Database, organization_id: str, page: PageRequest, wanted: MessageFilter
) -> tuple[list[MessageRecord], str | None]:
    """Newest first. Raises Problem 422 `nothing_to_search`, 503 `search_timeout`, 503 `search_not_ready`."""
    query: dict[str, Any] = organization_query(organization_id, wanted.instance_ids)
    if wanted.kind is not None:
        query["kind"] = wanted.kind
    if wanted.conversation_id is not None:
        query["conversation_id"] = wanted.conversation_id
    if wanted.stuck is not None:
        query["stuck_since"] = {"$exists": wanted.stuck}
    if (search := Search.of(wanted.search)) is None:
        page_of = await read_page(database.messages, query, "order_key", page)
    else:
        page_of = await _search(database, query, page, search)
    found = [MessageRecord.model_validate({**document, "id": document["_id"]}) for document in page_of.documents]
    return found, page_of.next_cursor


async def _search(database: Database, query: dict[str, Any], page: PageRequest, search: Search) -> DocumentPage:
    if not search.words:
        raise Problem(422, "nothing_to_search", "search: write at least one word, of letters or digits")
    async with search_limits():
        found = await search_conditions(database, query["organization_id"], search)
        if found is None:
            return DocumentPage([], None)
        indexed = any(one.indexed for one in found) or "conversation_id" in query
        wanted = {**query, "$and": [one.query for one in found]}
        hint = None if indexed else "by_order"
        return await read_matching_page(
            SortedCollection(database.messages, "order_key", hint), wanted, page, by_text(search)
        )
