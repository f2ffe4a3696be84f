"""Order keys for what earlier versions stored: made of the times they sorted by, so that nothing changes its place.

Of messages that one conversation has with the same time, each gets a key of its own, in the order of their ids. A time
that is still to come counts as now: what arrives next stands behind it.
"""

from collections.abc import AsyncIterator
from typing import Any

from shared.contracts.order_keys import key_at
from shared.platform.mongo import Collection, Database, Document, UpdateOne

MIGRATION_BATCH_SIZE = 500
"""Conversations, and groups of messages with one time, that are looked at together."""
_MILLISECOND = 1_000
_MARKS = {"read_up_to": "read_key", "ticked_up_to": "ticked_key"}


async def add_order_keys(database: Database) -> None:
    """Repeatable, also when it ended in the middle."""
    messages, conversations = database["messages"], database["conversations"]
    passed: Document = {"$max": [0, {"$min": [{"$toLong": "$timestamp"}, {"$toLong": "$$NOW"}]}]}
    key = {"$multiply": [passed, _MILLISECOND]}
    await messages.update_many({"order_key": None}, [{"$set": {"order_key": key}}])
    async for group in _groups_of_one_key(messages):
        await _tell_apart(messages, group["conversation_id"], group["order_key"])
    while (
        found := await conversations.find({"order_key": None}).limit(MIGRATION_BATCH_SIZE).to_list(MIGRATION_BATCH_SIZE)
    ):
        newest = await _newest_keys(messages, [each["_id"] for each in found])
        updates = [await _update(messages, each, newest.get(each["_id"], {})) for each in found]
        await conversations.bulk_write(updates, ordered=False)


async def _groups_of_one_key(messages: Collection) -> AsyncIterator[Document]:
    place = {"conversation_id": "$conversation_id", "order_key": "$order_key"}
    pipeline: list[Document] = [
        {"$match": {"conversation_id": {"$ne": None}}},
        {"$group": {"_id": place, "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
    ]
    async for group in messages.aggregate(pipeline, allowDiskUse=True, batchSize=MIGRATION_BATCH_SIZE):
        yield group["_id"]


async def _tell_apart(messages: Collection, conversation_id: str, order_key: int) -> None:
    """All keys made of one millisecond anew: some were given when an earlier attempt ended."""
    span = {"$gte": order_key, "$lt": order_key + _MILLISECOND}
    cursor = messages.find({"conversation_id": conversation_id, "order_key": span}, {"_id": 1})
    ids = [item["_id"] async for item in cursor.sort([("timestamp", 1), ("_id", 1)])]
    updates = [UpdateOne({"_id": each}, {"$set": {"order_key": order_key + place}}) for place, each in enumerate(ids)]
    if updates:
        await messages.bulk_write(updates, ordered=False)


async def _newest_keys(messages: Collection, conversation_ids: list[str]) -> dict[str, Document]:
    """By conversation: the greatest key of all its messages, and of those of the contact."""
    inbound: Document = {"$cond": [{"$eq": ["$direction", "inbound"]}, "$order_key", None]}
    group = {"_id": "$conversation_id", "order_key": {"$max": "$order_key"}, "inbound_key": {"$max": inbound}}
    pipeline: list[Document] = [{"$match": {"conversation_id": {"$in": conversation_ids}}}, {"$group": group}]
    return {item["_id"]: item async for item in messages.aggregate(pipeline)}


async def _update(messages: Collection, conversation: Document, newest: Document) -> UpdateOne:
    key = newest.get("order_key") or key_at(conversation["updated_at"])
    facts: Document = {"order_key": key}
    if conversation.get("last_message"):
        facts["last_message.order_key"] = key
    if (inbound := newest.get("inbound_key")) is not None:
        facts["inbound_key"] = inbound
    for old, new in _MARKS.items():
        if old in conversation:
            facts[new] = await _key_of_mark(messages, conversation["_id"], conversation[old], inbound)
    seen = (conversation.get("closing") or {}).get("seen")
    if seen:
        facts["closing.seen_key"] = await _key_of_mark(messages, conversation["_id"], seen, inbound)
    retired = dict.fromkeys((*_MARKS, "last_inbound", *(["closing.seen"] if seen else [])), True)
    return UpdateOne({"_id": conversation["_id"], "order_key": None}, {"$set": facts, "$unset": retired})


async def _key_of_mark(messages: Collection, conversation_id: str, mark: Document, newest: int | None) -> int:
    """Just before the first message of the contact that the mark (a time, and the ids of messages with just this time)
    does not cover; when it covers all, that of the newest."""
    beyond: list[Any] = [{"timestamp": {"$gt": mark["at"]}}, {"timestamp": mark["at"], "_id": {"$nin": mark["ids"]}}]
    query = {"conversation_id": conversation_id, "direction": "inbound", "$or": beyond}
    first = await messages.find_one(query, {"order_key": 1}, sort=[("order_key", 1)])
    return int(first["order_key"]) - 1 if first else newest or 0
