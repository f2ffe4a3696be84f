"""Messages of all conversations, found by what they are and by their words."""

import re
import string
from dataclasses import dataclass
from typing import Any, Literal

from services.api.views.pages import Page, PageRequest, own, read_page
from shared.errors import Problem
from shared.mongo import Database, OperationFailure
from shared.records import MessageRecord

_NO_INDEX = 27
"""MongoDB's number for it."""
_SIGNS = string.punctuation + "¿¡„“”«»…"
"""Around words they mean nothing."""
WORDS_PATTERN = rf"^\s*$|[^\s{re.escape(_SIGNS)}]"
"""Nothing at all, or something beside signs."""


@dataclass(frozen=True)
class MessageFilter:
    """Which messages; None: whatever it is. `search`: words, all of which the text has. `stuck`: of ours, and `queued`
    or `sent` for too long."""

    kind: Literal["message", "note"] | None = None
    search: str | None = None
    stuck: bool | None = None
    conversation_id: str | None = None
    instance_ids: frozenset[str] | None = None


async def messages(
    database: Database, organization_id: str, page: PageRequest, wanted: MessageFilter
) -> tuple[list[MessageRecord], str | None]:
    """Newest first. Raises Problem 422 `nothing_to_search`, 503 `search_not_ready`."""
    query: dict[str, Any] = own(organization_id, wanted.instance_ids)
    if wanted.kind is not None:
        query["kind"] = wanted.kind
    if wanted.conversation_id is not None:
        query["conversation_id"] = wanted.conversation_id
    if wanted.stuck is not None:
        query["stuck_since"] = {"$exists": wanted.stuck}
    if wanted.search and wanted.search.strip():
        query["$text"] = {"$search": phrases(wanted.search)}
    page_of = await _read(database, query, page)
    found = [MessageRecord.model_validate({**document, "id": document["_id"]}) for document in page_of.documents]
    return found, page_of.next_cursor


def phrases(search: str) -> str:
    """Each word as MongoDB wants a phrase, so that all of them must be there. Raises Problem 422."""
    bare = (word.strip(_SIGNS) for word in search.replace('"', " ").split())
    words = [word.replace("\\", "") for word in bare if word]
    if not words:
        raise Problem(422, "nothing_to_search", "search: write at least one word, of letters or digits")
    return " ".join(f'"{word}"' for word in words)


async def _read(database: Database, query: dict[str, Any], page: PageRequest) -> Page:
    try:
        return await read_page(database.messages, query, "order_key", page)
    except OperationFailure as error:
        if error.code != _NO_INDEX:
            raise
        detail = "the index of the texts is still being made; try again in a moment"
        raise Problem(503, "search_not_ready", detail) from error
