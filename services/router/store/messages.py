"""Messages: unique by id and by their key (rules/message_keys.py); statuses only move forward."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from services.router.rules.message_keys import MessageKey, stored_party
from services.router.rules.stored_message import StoredMessage
from services.router.store.message_statuses import MessageStatuses
from services.router.store.message_wa_ids import HAS_WA_ID, one_of_wa_ids
from services.router.store.search_vocabulary import SearchVocabulary
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.documents import from_document, to_document
from shared.platform.mongo import CollectionOf, Database, DuplicateKeyError, IndexModel, MongoQuery, collection_of
from shared.platform.operation_batcher import OperationBatcher, insert_each
from shared.text.search_terms import terms_of

_IN_PROGRESS = {"origin": "api", "status": {"$in": [MessageStatus.QUEUED.value, MessageStatus.SENT.value]}}
INDEXES = [
    IndexModel(
        [("instance_id", 1), ("wa_id", 1), ("direction", 1), ("group", 1), ("other_party", 1)],
        unique=True,
        name="once_per_chat_and_sender",
        partialFilterExpression=HAS_WA_ID,
    ),
    IndexModel([("conversation_id", 1), ("order_key", -1), ("_id", -1)], name="thread_by_order"),
    IndexModel([("organization_id", 1), ("order_key", -1), ("_id", -1)], name="by_order"),
    IndexModel([("contact_id", 1)], name="of_contact"),
    IndexModel(
        [("instance_id", 1), ("quoted_wa_id", 1)],
        name="about_another",
        partialFilterExpression={"quoted_wa_id": {"$gt": ""}},
    ),
    IndexModel([("organization_id", 1), ("search_terms", 1), ("order_key", -1), ("_id", -1)], name="by_term_and_order"),
    IndexModel([("instance_id", 1), ("kind", 1), ("direction", 1)], name="counts"),
    IndexModel(
        [("status", 1), ("stuck_since", 1), ("timestamp", 1)], name="waiting", partialFilterExpression=_IN_PROGRESS
    ),
    IndexModel(
        [("organization_id", 1), ("order_key", -1), ("_id", -1)],
        name="stuck_by_order",
        partialFilterExpression={"stuck_since": {"$exists": True}},
    ),
    IndexModel(
        [("instance_id", 1), ("contact_id", 1)],
        name="unconfirmed",
        partialFilterExpression={"status": MessageStatus.UNCONFIRMED.value},
    ),
    IndexModel(
        [("organization_id", 1), ("instance_id", 1), ("timestamp", 1)],
        name="pending",
        partialFilterExpression={"status": MessageStatus.QUEUED.value},
    ),
]
RETIRED = ("once", "thread", "newest_first", "stuck", "words")
"""Indexes of earlier versions: `once` took two senders' messages with one id for one message, `words` knew whole words
only, the others sorted by WhatsApp's times."""


class StoredCommand(NamedTuple):
    """What is kept of the command that sent a message; None: by a version that kept none."""

    fingerprint: str | None = None
    expires_at: datetime | None = None
    command_id: str | None = None


@dataclass(frozen=True)
class IdentifiedMessage:
    """A message that was found by its WhatsApp id. other_party: aliases of the person on the other side."""

    message: MessageRecord
    other_party: tuple[str, ...]


class _WhatsAppIds(NamedTuple):
    """Of received messages of one instance."""

    organization_id: str
    instance_id: str
    wa_ids: tuple[str, ...]

    def includes(self, message: StoredMessage) -> bool:
        place = (message["organization_id"], message["instance_id"])
        return place == self[:2] and message.get("wa_id") in self.wa_ids


class Messages:
    def __init__(self, database: Database, vocabulary: SearchVocabulary, statuses: MessageStatuses) -> None:
        self._messages, self._vocabulary, self._statuses = messages_of(database), vocabulary, statuses
        self._load, self._insert = OperationBatcher(self._load_all), OperationBatcher(self._insert_all)
        self._load_by_key = OperationBatcher(self._load_all_by_key)
        self._load_by_wa_ids = OperationBatcher(self._load_all_by_wa_ids)

    async def by_id(self, message_id: str) -> MessageRecord | None:
        return await self._load(message_id)

    async def command_of(self, message_id: str) -> StoredCommand:
        """What is kept of the command that made it."""
        found = await self._messages.find_one({"_id": message_id}, dict.fromkeys(StoredCommand._fields, True))
        if found is None:
            return StoredCommand()
        return StoredCommand(found.get("fingerprint"), found.get("expires_at"), found.get("command_id"))

    async def _load_all(self, ids: Sequence[str]) -> list[MessageRecord | None]:
        found = {item["_id"]: item async for item in self._messages.find({"_id": {"$in": list(ids)}})}
        return [from_document(MessageRecord, found[i]) if i in found else None for i in ids]

    async def by_key(self, key: MessageKey) -> MessageRecord | None:
        """The stored message with this key; one whose id was only guessed does not count."""
        return await self._load_by_key(key)

    async def _load_all_by_key(self, keys: Sequence[MessageKey]) -> list[MessageRecord | None]:
        query: dict[str, set[str]] = {}
        for key in keys:
            query.setdefault(key.instance_id, set()).add(key.wa_id)
        either = [{"instance_id": instance, "wa_id": one_of_wa_ids(ids)} for instance, ids in query.items()]
        found = await self._messages.find({"$or": either, "recognised": None}).to_list(None)
        same = [next((item for item in found if key.matches(item)), None) for key in keys]
        return [from_document(MessageRecord, item) if item else None for item in same]

    async def _insert_all(self, messages: Sequence[StoredMessage]) -> list[Exception | None]:
        words = ((message["organization_id"], term) for message in messages for term in message["search_terms"])
        inserted, _ = await asyncio.gather(insert_each(self._messages, messages), self._vocabulary.add(words))
        return inserted

    async def received_by_wa_ids(
        self, organization_id: str, instance_id: str, wa_ids: Iterable[str]
    ) -> list[IdentifiedMessage]:
        """Messages of others among these WhatsApp ids."""
        return await self._load_by_wa_ids(_WhatsAppIds(organization_id, instance_id, tuple(wa_ids)))

    async def _load_all_by_wa_ids(self, requests: Sequence[_WhatsAppIds]) -> list[list[IdentifiedMessage]]:
        either = [
            {"instance_id": one.instance_id, "wa_id": one_of_wa_ids(one.wa_ids), "direction": "inbound"}
            for one in requests
        ]
        found = await self._messages.find(either[0] if len(either) == 1 else {"$or": either}).to_list(None)
        return [
            [
                IdentifiedMessage(from_document(MessageRecord, item), tuple(stored_party(item)))
                for item in found
                if one.includes(item)
            ]
            for one in requests
        ]

    async def inbound_between(
        self, conversation_id: str, behind: int | None, until: int, limit: int
    ) -> list[MessageRecord]:
        """What the contact wrote after one order key and up to another, the newest first."""
        span = {"$gt": -1 if behind is None else behind, "$lte": until}
        query: MongoQuery = {"conversation_id": conversation_id, "direction": "inbound", "order_key": span}
        cursor = self._messages.find(query).sort([("order_key", -1), ("_id", -1)]).limit(limit)
        return [from_document(MessageRecord, found) async for found in cursor]

    async def add(self, message: MessageRecord, other_party: Sequence[str]) -> MessageRecord:
        """Store it once. Returns the stored record, which may be that of an earlier delivery. Raises DuplicateKeyError
        when a record with another id has its key."""
        for last in (False, True):
            try:
                await self._insert(_document(message, other_party))
                break
            except DuplicateKeyError:
                if stored := await self.by_id(message.id):
                    return stored
                if last or not await self._statuses.revoke_guess(message.instance_id, message.wa_id, other_party):
                    raise
        return message

    async def insert_new(self, messages: Sequence[tuple[MessageRecord, Sequence[str]]]) -> Sequence[Exception | None]:
        """Insert all in one round trip, each with its other party. In their order: None, or DuplicateKeyError when the
        message is stored already."""
        return await self._insert_all([_document(*one) for one in messages]) if messages else []

    async def overdue(self, status: MessageStatus, before: datetime, most: int) -> list[tuple[MessageRecord, datetime]]:
        """Our messages that are `queued` or `sent` since before that time and not known to be stuck, and since when.
        Notes are never delivered, so they do not wait for that."""
        query: MongoQuery = {"origin": "api", "status": status.value, "stuck_since": None, "timestamp": {"$lt": before}}
        query |= {"history.at": {"$not": {"$gte": before}}}
        if status is MessageStatus.SENT:
            query["kind"] = "message"
        found = await self._messages.find(query).sort("timestamp", 1).limit(most).to_list(None)
        return [(from_document(MessageRecord, item), _since(item)) for item in found]

    async def expired(self, now: datetime) -> AsyncIterator[MessageRecord]:
        """Sent messages that are still queued after `expires_at`, which those of earlier versions do not have."""
        query: MongoQuery = {"origin": "api", "status": MessageStatus.QUEUED.value, "expires_at": {"$lte": now}}
        async for found in self._messages.find(query):
            yield from_document(MessageRecord, found)

    async def mark_stuck(self, message_id: str, status: MessageStatus, since: datetime) -> None:
        """It is stuck until its status moves. Repeatable."""
        still = {"_id": message_id, "status": status.value}
        await self._messages.update_one(still, {"$set": {"stuck_since": since}})

    async def only_unconfirmed(self, instance_id: str, contact_id: str, before: datetime) -> MessageRecord | None:
        """The one message to this contact whose outcome a crash hid; None when there is none, or when another one
        waits for its outcome too: then a receipt could be meant for either."""
        query = {"instance_id": instance_id, "contact_id": contact_id, "wa_id": None, "timestamp": {"$lte": before}}
        found = await self._messages.find({**query, "status": MessageStatus.UNCONFIRMED.value}).limit(2).to_list(None)
        if len(found) != 1 or await self._messages.find_one({**query, "status": MessageStatus.QUEUED.value}):
            return None
        return from_document(MessageRecord, found[0])


def messages_of(database: Database) -> CollectionOf[StoredMessage]:
    return collection_of(database, "messages", StoredMessage)


def _document(message: MessageRecord, other_party: Sequence[str]) -> StoredMessage:
    document = to_document(message, other_party=list(other_party), search_terms=terms_of(message.text))
    return cast(StoredMessage, document)


def _since(message: StoredMessage) -> datetime:
    """When it got its present status."""
    steps = [step["at"] for step in message.get("history", ()) if step["status"] == message["status"]]
    return steps[-1] if steps else message["timestamp"]
