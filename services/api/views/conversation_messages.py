"""The messages of one conversation: pages of older and of newer ones, and the page around one message."""

from dataclasses import dataclass

from services.api.views.pagination import INTERNAL_FIELDS, PageRequest, decode_key_cursor, encode_cursor
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Collection, Database, Document

_NEWER_MARK = "~"
"""Before the id in a cursor that goes on towards the newest message. Ids of messages never begin with it."""
_DIRECTIONS = {-1: "$lt", 1: "$gt"}
_Place = tuple[int, str]
"""Order key and id of a message."""


@dataclass(frozen=True)
class MessageWindow:
    """A page, newest first. `newer_cursor`: None when it has the newest message."""

    messages: list[MessageRecord]
    next_cursor: str | None
    newer_cursor: str | None


async def read_window(
    database: Database, organization_id: str, conversation_id: str, page: PageRequest, around: str | None = None
) -> MessageWindow:
    """Raises Problem 404 `message_not_found` when the conversation has no message `around`, 422 `invalid_cursor`."""
    of = _ConversationReader(
        database["messages"], {"organization_id": organization_id, "conversation_id": conversation_id}
    )
    if around is not None:
        if page.cursor:
            raise Problem(422, "validation_failed", "around: leave out the cursor; the answer has two to go on with")
        return await of.read_around(around, page.limit)
    if not page.cursor:
        return _thread(*await of.read_older(None, page.limit), newer=False)
    key, message_id = decode_key_cursor(page.cursor)
    if message_id.startswith(_NEWER_MARK):
        return _behind(*await of.read_newer((key, message_id.removeprefix(_NEWER_MARK)), page.limit))
    return _thread(*await of.read_older((key, message_id), page.limit), newer=True)


@dataclass(frozen=True)
class _ConversationReader:
    collection: Collection
    query: Document

    async def read_around(self, message_id: str, limit: int) -> MessageWindow:
        found = await self.collection.find_one({**self.query, "_id": message_id})
        if found is None:
            raise Problem(404, "message_not_found", "there is no such message in this conversation")
        place = found.get("order_key") or 0, found["_id"]
        newer, are_newer = await self.read_newer(place, limit // 2)
        older, are_older = await self.read_older(place, limit - len(newer) - 1)
        return _thread([*newer, found, *older], are_older, newer=are_newer)

    async def read_older(self, place: _Place | None, limit: int) -> tuple[list[Document], bool]:
        """Newest first, and whether there are more."""
        return await self._read(place, limit, -1)

    async def read_newer(self, place: _Place, limit: int) -> tuple[list[Document], bool]:
        """Those that follow next on the place; newest first, and whether there are more."""
        found, more = await self._read(place, limit, 1)
        return found[::-1], more

    async def _read(self, place: _Place | None, limit: int, direction: int) -> tuple[list[Document], bool]:
        wanted = dict(self.query)
        if place:
            key, message_id = place
            beyond = _DIRECTIONS[direction]
            wanted["$or"] = [{"order_key": {beyond: key}}, {"order_key": key, "_id": {beyond: message_id}}]
        order = [("order_key", direction), ("_id", direction)]
        found = await self.collection.find(wanted, INTERNAL_FIELDS).sort(order).limit(limit + 1).to_list(None)
        return found[:limit], len(found) > limit


def _thread(found: list[Document], older: bool, *, newer: bool) -> MessageWindow:
    messages = [MessageRecord.model_validate({**document, "id": document["_id"]}) for document in found]
    next_cursor = _cursor(found[-1]) if found and older else None
    return MessageWindow(messages, next_cursor, _cursor(found[0], _NEWER_MARK) if found and newer else None)


def _behind(found: list[Document], newer: bool) -> MessageWindow:
    """A page of newer messages: older ones are always there."""
    return _thread(found, True, newer=newer)


def _cursor(document: Document, mark: str = "") -> str:
    return encode_cursor(document.get("order_key") or 0, mark + document["_id"])
