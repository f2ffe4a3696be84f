"""Finds the messages that others are about, and changes their content one revision at a time."""

import asyncio
from collections.abc import Callable, Sequence

from services.router.rules.revisions import Change, changed, revealed
from services.router.store.documents import from_document
from services.router.store.together import Together
from services.router.store.vocabulary import Vocabulary
from shared.errors import Retry
from shared.mongo import Database, Document
from shared.records import MessageRecord
from shared.search_terms import message_terms

_MAX_ATTEMPTS = 20
"""Of one change, while others change the same message."""


class Revisions:
    def __init__(self, database: Database, vocabulary: Vocabulary) -> None:
        self._messages, self._vocabulary = database["messages"], vocabulary
        self._named = Together(self._all_named)

    async def named(self, instance_id: str, wa_id: str) -> list[MessageRecord]:
        """The account's messages with this WhatsApp id, of whomever."""
        return await self._named((instance_id, wa_id))

    async def change(self, message_id: str, change: Change) -> MessageRecord:
        """Repeatable. The message then."""
        return await self._revise(message_id, lambda message: changed(message, change))

    async def reveal(self, message_id: str, readable: MessageRecord) -> MessageRecord:
        """Put a readable copy into the place of a placeholder; nothing when that is done already. The message then."""
        return await self._revise(message_id, lambda message: revealed(message, readable))

    async def _revise(self, message_id: str, plan: Callable[[Document], Document]) -> MessageRecord:
        """Raises Retry when others never stop changing the message, or it is gone."""
        for _ in range(_MAX_ATTEMPTS):
            if (message := await self._messages.find_one({"_id": message_id})) is None:
                break
            if not (fields := plan(message)):
                return from_document(MessageRecord, message)
            revision = message.get("revision", 0)
            as_read = {"_id": message_id, "revision": revision or {"$in": [0, None]}}
            fields |= {"revision": revision + 1, "search_terms": message_terms({**message, **fields})}
            await self._vocabulary.learn_from([{**message, **fields}])
            done = await self._messages.find_one_and_update(as_read, {"$set": fields}, return_document=True)
            if done is not None:
                return from_document(MessageRecord, done)
            await asyncio.sleep(0)
        raise Retry("others changed the message at the same moment")

    async def _all_named(self, names: Sequence[tuple[str, str]]) -> list[list[MessageRecord]]:
        wa_ids: dict[str, set[str]] = {}
        for instance_id, wa_id in names:
            wa_ids.setdefault(instance_id, set()).add(wa_id)
        either = [{"instance_id": one, "wa_id": {"$in": sorted(ids)}} for one, ids in wa_ids.items()]
        found: dict[tuple[str, str], list[MessageRecord]] = {}
        async for document in self._messages.find({"$or": either}):
            message = from_document(MessageRecord, document)
            found.setdefault((message.instance_id, str(message.wa_id)), []).append(message)
        return [found.get(name, []) for name in names]
