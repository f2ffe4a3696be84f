"""Which messages of a conversation are unread: those that the contact wrote after the order key `read_key`."""

from shared.platform.mongo import MongoQuery

MAX_UNREAD_COUNT = 1_000
"""Counting stops here."""
_NOTHING_READ = -1


def unread_query(conversation_id: str, read_key: int | None) -> MongoQuery:
    """The unread messages of a conversation that was read up to this order key; None: never."""
    after = _NOTHING_READ if read_key is None else read_key
    return {"conversation_id": conversation_id, "direction": "inbound", "order_key": {"$gt": after}}


def unread_count_stages() -> list[MongoQuery]:
    """The same as stages of an aggregation over `conversations`, which leave `_id` and `count` of each; `count` is
    absent when nothing is unread."""
    after_read: list[MongoQuery] = [
        {"$eq": ["$conversation_id", "$$conversation"]},
        {"$gt": ["$order_key", "$$read_key"]},
    ]
    unread: list[MongoQuery] = [
        {"$match": {"direction": "inbound", "$expr": {"$and": after_read}}},
        {"$limit": MAX_UNREAD_COUNT},
        {"$count": "messages"},
    ]
    variables = {"conversation": "$_id", "read_key": {"$ifNull": ["$read_key", _NOTHING_READ]}}
    return [
        {"$lookup": {"from": "messages", "let": variables, "pipeline": unread, "as": "unread"}},
        {"$project": {"count": {"$first": "$unread.messages"}}},
    ]
