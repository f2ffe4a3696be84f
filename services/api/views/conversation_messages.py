"""Reads the messages of one conversation: pages of older and newer messages, and the page around one message."""

from dataclasses import dataclass

from services.api.views.message_details import message_of
from services.api.views.pagination import INTERNAL_FIELDS, PageRequest, decode_key_cursor, encode_cursor
from shared.contracts.errors import Problem
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Collection, Database, MongoQuery

_NEWER_MARK = "~"
"""Prefix of the id in a cursor towards newer messages. Message ids never begin with it."""
_DIRECTIONS = {-1: "$lt", 1: "$gt"}
_Position = tuple[int, str]
"""Order key and id of a message."""


@dataclass(frozen=True)
class MessageWindow:
    """A page, newest first. `next_cursor`: to older messages. `newer_cursor`: None when the page has the newest
    message."""

    messages: list[MessageRecord]
    next_cursor: str | None
    newer_cursor: str | None


async def read_window(
    database: Database, organization_id: str, conversation_id: str, page: PageRequest, around: str | None = None
) -> MessageWindow:
    """Raises Problem 404 `message_not_found` when the conversation has no message `around`, 422 `invalid_cursor`."""
    reader = _ConversationReader(
        database["messages"], {"organization_id": organization_id, "conversation_id": conversation_id}
    )
    if around is not None:
        if page.cursor:
            raise Problem(422, "validation_failed", "around: leave out the cursor; the answer has two to go on with")
        return await reader.read_around(around, page.limit)
    if not page.cursor:
        return _window(*await reader.read_older(None, page.limit), newer=False)
    key, message_id = decode_key_cursor(page.cursor)
    if message_id.startswith(_NEWER_MARK):
        return _newer_window(*await reader.read_newer((key, message_id.removeprefix(_NEWER_MARK)), page.limit))
    return _window(*await reader.read_older((key, message_id), page.limit), newer=True)


@dataclass(frozen=True)
class _ConversationReader:
    collection: Collection
    query: MongoQuery

    async def read_around(self, message_id: str, limit: int) -> MessageWindow:
        document = await self.collection.find_one({**self.query, "_id": message_id})
        if document is None:
            raise Problem(404, "message_not_found", "there is no such message in this conversation")
        message = message_of(document)
        position = message.order_key or 0, message.id
        newer, has_newer = await self.read_newer(position, limit // 2)
        older, has_older = await self.read_older(position, limit - len(newer) - 1)
        return _window([*newer, message, *older], has_older, newer=has_newer)

    async def read_older(self, position: _Position | None, limit: int) -> tuple[list[MessageRecord], bool]:
        """Messages before `position`, newest first, and whether there are more."""
        return await self._read(position, limit, -1)

    async def read_newer(self, position: _Position, limit: int) -> tuple[list[MessageRecord], bool]:
        """The next messages after `position`, newest first, and whether there are more."""
        messages, more = await self._read(position, limit, 1)
        return messages[::-1], more

    async def _read(self, position: _Position | None, limit: int, direction: int) -> tuple[list[MessageRecord], bool]:
        query = dict(self.query)
        if position:
            key, message_id = position
            beyond = _DIRECTIONS[direction]
            query["$or"] = [{"order_key": {beyond: key}}, {"order_key": key, "_id": {beyond: message_id}}]
        order = [("order_key", direction), ("_id", direction)]
        documents = await self.collection.find(query, INTERNAL_FIELDS).sort(order).limit(limit + 1).to_list(None)
        return [message_of(document) for document in documents[:limit]], len(documents) > limit


def _window(messages: list[MessageRecord], older: bool, *, newer: bool) -> MessageWindow:
    next_cursor = _cursor(messages[-1]) if messages and older else None
    return MessageWindow(messages, next_cursor, _cursor(messages[0], _NEWER_MARK) if messages and newer else None)


def _newer_window(messages: list[MessageRecord], newer: bool) -> MessageWindow:
    """A page of newer messages: there are always older ones."""
    return _window(messages, True, newer=newer)


def _cursor(message: MessageRecord, prefix: str = "") -> str:
    return encode_cursor(message.order_key or 0, prefix + message.id)
