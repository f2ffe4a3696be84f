"""Finds messages by WhatsApp id for replies and edits, and changes their content one revision at a time."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from services.router.rules.revisions import MessageChange, revealed_fields, revised_fields
from services.router.rules.stored_message import MessageChanges, StoredMessage
from services.router.store.message_wa_ids import one_of_wa_ids
from services.router.store.messages import messages_of
from services.router.store.search_vocabulary import SearchVocabulary
from shared.contracts.errors import Retry
from shared.contracts.records import MessageRecord
from shared.platform.documents import from_document
from shared.platform.mongo import Database, MongoQuery, MongoUpdate
from shared.platform.operation_batcher import OperationBatcher
from shared.text.search_terms import message_terms

_MAX_ATTEMPTS = 20
"""Of one change, while others change the same message."""


MAX_QUOTES = 1_000
"""Replies that are linked when the message they quote is stored: a stranger may reply to one id any number of times."""
_FOUND_LATER = {"quote_found_later": True}


Name = tuple[str, str]
"""Instance and WhatsApp's id of a message."""


def unresolved_quotes_query(names: Iterable[Name]) -> MongoQuery:
    """Replies to one of these that were not linked to it when they were stored."""
    wa_ids: dict[str, list[str]] = {}
    for instance_id, wa_id in names:
        wa_ids.setdefault(instance_id, []).append(wa_id)
    either = [
        {"instance_id": one, "quoted_wa_id": {"$in": ids}, "$or": [{"quoted_message_id": None}, _FOUND_LATER]}
        for one, ids in wa_ids.items()
    ]
    return {"$or": either} if len(either) > 1 else either[0]


class Revisions:
    def __init__(self, database: Database, vocabulary: SearchVocabulary) -> None:
        self._messages, self._vocabulary = messages_of(database), vocabulary
        self._load_by_wa_id, self._load_quotes = (
            OperationBatcher(self._load_all_by_wa_id),
            OperationBatcher(self._load_all_quotes),
        )

    async def by_wa_id(self, instance_id: str, wa_id: str) -> list[MessageRecord]:
        """The account's messages with this WhatsApp id, of whomever."""
        return await self._load_by_wa_id((instance_id, wa_id))

    async def apply(self, message_id: str, change: MessageChange) -> MessageRecord:
        """Repeatable. The message then."""
        return await self._revise(message_id, lambda message: revised_fields(message, change))

    async def reveal(self, message_id: str, readable: MessageRecord) -> MessageRecord:
        """Put a readable copy into the place of a placeholder; nothing when that is done already. The message then."""
        return await self._revise(message_id, lambda message: revealed_fields(message, readable))

    async def set_quoted_message(self, message_id: str, target_id: str) -> MessageRecord:
        """The message is about that one, unless it is known to be about another. Repeatable. The message then."""

        def plan(message: StoredMessage) -> MessageChanges:
            if message.get("quoted_message_id"):
                return {}
            return {"quoted_message_id": target_id, "quote_found_later": True}

        return await self._revise(message_id, plan)

    async def unresolved_quotes(self, names: Iterable[Name]) -> list[MessageRecord]:
        """Replies to one of these (instance, WhatsApp id) that were stored before it; also those that were linked to it
        later, because a crash may have come before that was published."""
        query = tuple(names)
        return await self._load_quotes(query) if query else []

    async def _load_all_quotes(self, requests: Sequence[tuple[Name, ...]]) -> list[list[MessageRecord] | Exception]:
        found = await self._quotes_of([name for names in requests for name in names])
        if len(found) == MAX_QUOTES and len(requests) > 1:  # too many answers to one hide no others
            return [await self._quotes_of(names) for names in requests]
        by_name: dict[Name, list[MessageRecord]] = {}
        for reply in found:
            by_name.setdefault((reply.instance_id, str(reply.quoted_wa_id)), []).append(reply)
        return [[reply for name in dict.fromkeys(names) for reply in by_name.get(name, ())] for names in requests]

    async def _quotes_of(self, names: Iterable[Name]) -> list[MessageRecord]:
        cursor = self._messages.find(unresolved_quotes_query(names)).limit(MAX_QUOTES)
        return [from_document(MessageRecord, found) async for found in cursor]

    async def _revise(self, message_id: str, plan: Callable[[StoredMessage], MessageChanges]) -> MessageRecord:
        """Raises Retry when others never stop changing the message, or it is gone."""
        for _ in range(_MAX_ATTEMPTS):
            if (message := await self._messages.find_one({"_id": message_id})) is None:
                break
            if not (changes := plan(message)):
                return from_document(MessageRecord, message)
            revision = message.get("revision", 0)
            as_read = {"_id": message_id, "revision": revision or {"$in": [0, None]}}
            text = changes["text"] if "text" in changes else message.get("text")
            is_revoked = bool(changes.get("revoked_at") or message.get("revoked_at"))
            terms = message_terms(text, is_revoked=is_revoked)
            await self._vocabulary.add((message["organization_id"], term) for term in terms)
            fields: MongoUpdate = {**changes, "revision": revision + 1, "search_terms": terms}
            done = await self._messages.find_one_and_update(as_read, {"$set": fields}, return_document=True)
            if done is not None:
                return from_document(MessageRecord, done)
            await asyncio.sleep(0)
        raise Retry("others changed the message at the same moment")

    async def _load_all_by_wa_id(self, names: Sequence[tuple[str, str]]) -> list[list[MessageRecord]]:
        wa_ids: dict[str, set[str]] = {}
        for instance_id, wa_id in names:
            wa_ids.setdefault(instance_id, set()).add(wa_id)
        either = [{"instance_id": one, "wa_id": one_of_wa_ids(ids)} for one, ids in wa_ids.items()]
        found: dict[tuple[str, str], list[MessageRecord]] = {}
        async for document in self._messages.find({"$or": either}):
            message = from_document(MessageRecord, document)
            found.setdefault((message.instance_id, str(message.wa_id)), []).append(message)
        return [found.get(name, []) for name in names]
