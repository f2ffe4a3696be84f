"""Conversations: one per instance and contact, with the newest message, read marks, status and assignee."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.store.conversation_state import (
    INCLUDED_FIELDS,
    ConversationChanges,
    StoredConversation,
    already_includes,
    changes_from_message,
    checked_pipeline,
    conversations_of,
    expectation_query,
    merge_pipeline,
    newer_than_all_update,
    newest_changes,
    order_key_of,
    select_changes,
)
from shared.contracts.commands import ExpectedAssignee
from shared.contracts.order_keys import key_at
from shared.contracts.records import ConversationRecord, ConversationStatus, MessageRecord
from shared.platform.background import run_together
from shared.platform.documents import from_document
from shared.platform.mongo import Database, IndexModel, UpdateOne
from shared.platform.operation_batcher import OperationBatcher, write_results
from shared.platform.unread_messages import MAX_UNREAD_COUNT, unread_query

_NEWEST_FIRST = [("order_key", -1), ("_id", -1)]
INDEXES = [
    IndexModel([("organization_id", 1), *_NEWEST_FIRST], name="by_order"),
    IndexModel([("contact_id", 1)], name="of_contact"),
    IndexModel(
        [("organization_id", 1), ("status", 1), ("instance_id", 1), ("assigned_to", 1)], name="by_status_and_assignee"
    ),
    IndexModel(
        [("organization_id", 1), *_NEWEST_FIRST], name="unread_by_order", partialFilterExpression={"unread": True}
    ),
    IndexModel(
        [("organization_id", 1), ("assigned_to", 1), *_NEWEST_FIRST],
        name="assigned_by_order",
        partialFilterExpression={"assigned_to": {"$exists": True}},
    ),
]
RETIRED = ("newest_first", "unread_first", "assigned_first", "by_status")
"""Indexes of earlier versions: the first three sorted by WhatsApp's times."""
_MAX_REMEMBERED = 100_000
"""Conversations whose newest order key a process remembers; 20 MB."""


@dataclass(frozen=True)
class BulkResult:
    """What the caller has to check. may_have_reopened: messages that may have reopened their conversation.
    contacts_to_check: messages whose contacts may have been merged, because no matching conversation was found."""

    may_have_reopened: list[MessageRecord]
    contacts_to_check: list[MessageRecord]


class Conversations:
    def __init__(self, database: Database) -> None:
        self._conversations, self._messages = conversations_of(database), database["messages"]
        self._update, self._reopened = OperationBatcher(self._update_all), OperationBatcher(self._reopened_by_all)
        self._newest_key = OperationBatcher(self._newest_key_of_all)
        self._newest_keys: dict[str, int] = {}

    async def by_id(self, organization_id: str, conversation_id: str) -> StoredConversation | None:
        return await self._conversations.find_one({"_id": conversation_id, "organization_id": organization_id})

    async def latest_instance(self, contact_id: str, among: Sequence[str]) -> str | None:
        """Of these instances the one with the contact's latest message."""
        query = {"contact_id": contact_id, "instance_id": {"$in": list(among)}}
        found = await self._conversations.find_one(query, {"instance_id": 1}, sort=[("order_key", -1)])
        return str(found["instance_id"]) if found else None

    async def next_order_key(self, conversation_id: str | None, at: datetime) -> int:
        """The order key of a message that is accepted at this time: greater than all in the conversation."""
        newest = await self._newest_key(conversation_id) if conversation_id else -1
        return max(key_at(at), newest + 1)

    async def _newest_key_of_all(self, conversation_ids: Sequence[str]) -> list[int]:
        """-1 for a conversation that does not exist."""
        cursor = self._conversations.find({"_id": {"$in": list(conversation_ids)}}, {"order_key": 1})
        keys = {item["_id"]: item.get("order_key", -1) async for item in cursor}
        return [keys.get(conversation_id, -1) for conversation_id in conversation_ids]

    async def add_message(self, message: MessageRecord) -> None:
        """Merge the message into its conversation, which is created when there is none. Repeatable."""
        place = {
            "organization_id": message.organization_id,
            "instance_id": message.instance_id,
            "contact_id": message.contact_id,
        }
        changes = [{"$set": place}, *merge_pipeline(changes_from_message(message), message.id)]
        await self._update(UpdateOne({"_id": message.conversation_id}, changes, upsert=True))
        self._remember({str(message.conversation_id): order_key_of(message)})

    async def update_last_message(self, message: MessageRecord) -> bool:
        """Update the conversation's last message when it is this one. Repeatable. False: there is no such conversation,
        or its last message is older, because this one was not added yet.

        Nothing else is merged: a split may have moved the message to another conversation just now.
        """
        key = order_key_of(message)
        not_older = [{"order_key": {"$gt": key}}, {"order_key": key, "last_message.id": {"$gte": message.id}}]
        changes = select_changes(changes_from_message(message), ("updated_at", "order_key", "last_message"))
        update = UpdateOne({"_id": message.conversation_id, "$or": not_older}, merge_pipeline(changes))
        return (await self._conversations.bulk_write([update])).matched_count == 1

    async def add_messages(self, messages: Sequence[MessageRecord]) -> BulkResult:
        """Merge messages into their conversations, all of them written by contacts and stored before.

        In one round trip for conversations that exist and are open. Where a message is newer than everything, a plain
        update gives the same result as `merge_pipeline`, at half the processor time of MongoDB and of this process.
        """
        threads: dict[str, list[MessageRecord]] = defaultdict(list)
        for message in messages:
            threads[str(message.conversation_id)].append(message)
        newest = {thread: newest_changes(written) for thread, written in threads.items()}
        updates: list[UpdateOne] = []
        for thread, changes in newest.items():
            if changes["order_key"] > self._newest_keys.get(thread, -1):
                updates.append(UpdateOne(*newer_than_all_update(thread, changes)))
            else:
                is_open = {"_id": thread, "status": "open"}
                updates += [
                    UpdateOne(is_open, merge_pipeline(changes_from_message(message), message.id))
                    for message in threads[thread]
                ]
        if not updates or (await self._conversations.bulk_write(updates, ordered=False)).matched_count == len(updates):
            self._remember({thread: changes["order_key"] for thread, changes in newest.items()})
            return BulkResult([], [])
        query = dict.fromkeys((*INCLUDED_FIELDS, "reopened_by"), 1)
        cursor = self._conversations.find({"_id": {"$in": list(newest)}}, query)
        there = {item["_id"]: item async for item in cursor}
        behind = [
            thread
            for thread, changes in newest.items()
            if not (thread in there and already_includes(there[thread], changes))
        ]
        one_by_one = [message for thread in behind for message in threads[thread]]
        await run_together(*(self.add_message(message) for message in one_by_one))
        self._remember({thread: changes["order_key"] for thread, changes in newest.items()})
        opened = {item.get("reopened_by") for item in there.values()}  # by a repeat that was faster
        return BulkResult([*one_by_one, *(message for message in messages if message.id in opened)], list(messages))

    def _remember(self, newest: dict[str, int]) -> None:
        if len(self._newest_keys) >= _MAX_REMEMBERED:
            self._newest_keys.clear()
        self._newest_keys.update(newest)

    def is_known_to_exist(self, conversation_id: str) -> bool:
        """True: this process has added a message to it. False: it may exist nevertheless."""
        return conversation_id in self._newest_keys

    async def apply(
        self, organization_id: str, conversation_id: str, changes: ConversationChanges
    ) -> ConversationRecord | None:
        """Merge changes (conversation_state.py). Returns the conversation; None when there is none."""
        mine = {"_id": conversation_id, "organization_id": organization_id}
        found = await self._conversations.find_one_and_update(mine, merge_pipeline(changes), return_document=True)
        return await self._record(found) if found else None

    async def apply_if(
        self,
        organization_id: str,
        conversation_id: str,
        expected: ExpectedAssignee | ConversationStatus,
        changes: ConversationChanges,
        cause: str,
    ) -> tuple[ConversationRecord, bool] | None:
        """Merge the decisions of the command `cause` if the conversation is as `expected`. Returns the conversation,
        and whether the command was carried out, now or before a redelivery; None when there is no such conversation."""
        mine = {"_id": conversation_id, "organization_id": organization_id}
        unchanged = {**mine, **expectation_query(expected), "checked_commands": {"$ne": cause}}
        found = await self._conversations.find_one_and_update(
            unchanged, checked_pipeline(changes, cause), return_document=True
        )
        found = found or await self._conversations.find_one(mine)
        return (await self._record(found), cause in found.get("checked_commands", ())) if found else None

    async def reopened_by(self, message: MessageRecord) -> ConversationRecord | None:
        """The conversation when this message reopened it, now or before a redelivery."""
        found = await self._reopened(message)
        return await self._record(found) if found else None

    async def _record(self, found: StoredConversation) -> ConversationRecord:
        return from_document(ConversationRecord, found, unread_count=await self._unread(found))

    async def _unread(self, found: StoredConversation) -> int:
        if not found.get("unread"):
            return 0
        return await self._messages.count_documents(
            unread_query(found["_id"], found.get("read_key")), limit=MAX_UNREAD_COUNT
        )

    async def _reopened_by_all(self, messages: Sequence[MessageRecord]) -> list[StoredConversation | None]:
        query = {"_id": {"$in": [message.conversation_id for message in messages]}}
        by = {"reopened_by": {"$in": [message.id for message in messages]}}
        found = {item["reopened_by"]: item async for item in self._conversations.find(query | by)}
        return [found.get(message.id) for message in messages]

    async def _update_all(self, updates: Sequence[UpdateOne]) -> list[Exception | None]:
        return await write_results(self._conversations.bulk_write(list(updates), ordered=False), len(updates))
