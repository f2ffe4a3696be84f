"""How facts about a conversation are put together: the same facts in any order, and repeated, end in the same document.

Messages are compared by their order keys (shared/contracts/order_keys.py). `inbound_key` (what the contact wrote last),
`read_key` and `ticked_key` (how far the contact was told that it is read) are the greatest keys so far. `closing` and
`assignment` are decisions: the one with the greatest (`at`, `id`) holds. The rest follows from these.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.contracts.order_keys import key_at, time_of
from shared.contracts.records import MessageRecord, Seen
from shared.platform.mongo import Document

READ_MARKS = ("read_key", "ticked_key")
STATE_FIELDS = ("updated_at", "order_key", "last_message", "inbound_key", *READ_MARKS, "closing", "assignment")
INCLUDED_FIELDS = ("order_key", "last_message.id", "inbound_key")
MAX_PREVIEW_LENGTH = 200
"""Characters of the text that the list shows."""

_DECISIONS, _GREATEST = ("closing", "assignment"), ("inbound_key", *READ_MARKS)


def order_key_of(message: MessageRecord) -> int:
    """Its order key; of a record of an earlier version the one that the migration gives it."""
    return key_at(message.timestamp) if message.order_key is None else message.order_key


def changes_from_message(message: MessageRecord) -> Document:
    """The facts a message brings: who writes has read what came before."""
    key, text = order_key_of(message), None if message.revoked_at else (message.text or "")[:MAX_PREVIEW_LENGTH] or None
    last = {
        "id": message.id,
        "text": text,
        "type": message.type,
        "direction": message.direction,
        "order_key": key,
        "timestamp": message.timestamp,
        "revoked_at": message.revoked_at,
        "revision": message.revision,
    }
    shown = {"updated_at": time_of(key), "order_key": key, "last_message": last}
    return shown | {"read_key" if message.direction == "outbound" else "inbound_key": key}


def newest_changes(messages: Sequence[MessageRecord]) -> Document:
    """The facts that several messages of one contact bring together, as long as nothing newer is known."""
    return changes_from_message(max(messages, key=lambda message: (order_key_of(message), message.id)))


def newer_than_all_update(conversation_id: str, facts: Document) -> tuple[Document, Document]:
    """Which conversation and the update that adds what a contact wrote, where that is newer than everything and the
    conversation is open: the same as `merge_pipeline` would make of it."""
    key = facts["order_key"]
    older = {"order_key": {"$lt": key}, "read_key": {"$not": {"$gte": key}}}
    return {"_id": conversation_id, "status": "open", **older}, {"$set": {**facts, "unread": True}}


def already_includes(conversation: Document, facts: Document) -> bool:
    """The conversation (its COVERING fields) knows all that these facts of inbound messages would tell it."""
    if conversation.get("inbound_key", -1) < facts["inbound_key"]:
        return False
    known = (conversation["order_key"], conversation["last_message"]["id"])
    return bool(known >= (facts["order_key"], facts["last_message"]["id"]))


def seen_order_key(seen: Seen | None, now: datetime) -> int:
    """How far somebody looked, as an order key; None: at everything before `now`."""
    if seen is None:
        return key_at(now)
    if seen.order_key is not None:
        return seen.order_key
    # a command of an earlier version, about messages whose keys the migration made of their times
    return key_at(seen.at or now) - (not seen.ids)


def read_marks(messages: Sequence[MessageRecord]) -> dict[str, int]:
    """By conversation: up to the newest of these messages."""
    marks: dict[str, int] = {}
    for message in messages:
        if message.conversation_id is not None:
            marks[message.conversation_id] = max(order_key_of(message), marks.get(message.conversation_id, 0))
    return marks


def merge_pipeline(facts: Document, opened_by: str | None = None) -> list[Document]:
    """The update that adds facts to a conversation; `opened_by`: id of the message they come from."""
    known: Document = {}
    for name, fact in facts.items():
        if name in _DECISIONS:
            known[name] = {"$max": [f"${name}", {"$literal": fact}]}
        elif name in _GREATEST:
            known[name] = {"$max": [f"${name}", fact]}
    if "last_message" in facts:
        known |= _newest(facts)
    return [{"$set": known}, {"$set": _derived(opened_by)}]


def _newest(facts: Document) -> Document:
    key, last = facts["order_key"], facts["last_message"]
    stays = {
        "$or": [
            {"$gt": ["$order_key", key]},
            {"$and": [{"$eq": ["$order_key", key]}, {"$gt": ["$last_message.id", last["id"]]}]},
            {
                "$and": [
                    {"$eq": ["$last_message.id", last["id"]]},
                    {"$gt": ["$last_message.revision", last.get("revision", 0)]},
                ]
            },
        ]
    }
    return {
        "last_message": {"$cond": [stays, "$last_message", {"$literal": last}]},
        "updated_at": {"$cond": [stays, "$updated_at", facts["updated_at"]]},
        "order_key": {"$max": ["$order_key", key]},
    }


def _derived(opened_by: str | None) -> Document:
    """What is looked for in lists."""
    closed = {"$and": ["$closing.closed", {"$not": [_beyond("closing.seen_key")]}]}
    found: Document = {
        "unread": _beyond("read_key"),
        "status": {"$cond": [closed, "closed", "open"]},
        "assigned_to": {"$ifNull": ["$assignment.to", "$$REMOVE"]},
    }
    if opened_by:
        opens = {"$and": [{"$eq": ["$status", "closed"]}, {"$not": [closed]}]}
        found["reopened_by"] = {"$cond": [opens, opened_by, {"$ifNull": ["$reopened_by", "$$REMOVE"]}]}
    return found


def _beyond(name: str) -> Any:
    """The contact wrote something behind this key."""
    return {"$gt": [{"$ifNull": ["$inbound_key", -1]}, {"$ifNull": [f"${name}", -1]}]}
