"""How facts about a conversation are put together: the same facts in any order, and repeated, end in the same document.

`last_inbound`, `read_up_to` and `ticked_up_to` (how far the contact was told that it is read) are marks: a time, and
the ids of the messages with just this time. `closing` and
`assignment` are decisions: the one with the greatest (`at`, `id`) holds. The rest follows from these.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.mongo import Document
from shared.records import MessageRecord, Seen

FACTS = ("updated_at", "last_message", "last_inbound", "read_up_to", "ticked_up_to", "closing", "assignment")
COVERING = ("updated_at", "last_message.id", "last_inbound")
PREVIEW = 200
"""Characters of the text that the list shows."""

_DECISIONS, _MARKS = ("closing", "assignment"), ("last_inbound", "read_up_to", "ticked_up_to")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
"""What MongoDB tells apart."""


def said(message: MessageRecord) -> Document:
    """The facts a message brings: who writes has read what came before."""
    text = None if message.revoked_at else (message.text or "")[:PREVIEW] or None
    last = {
        "id": message.id, "text": text, "type": message.type, "direction": message.direction,
        "timestamp": message.timestamp, "revoked_at": message.revoked_at, "revision": message.revision,
    }  # fmt: skip
    shown = {"updated_at": message.timestamp, "last_message": last}
    if message.direction == "outbound":
        return shown | {"read_up_to": {"at": message.timestamp + _TICK, "ids": []}}
    return shown | {"last_inbound": {"at": message.timestamp, "ids": [message.id]}}


def newest_of(messages: Sequence[MessageRecord]) -> Document:
    """The facts that several messages of one contact bring together, as long as nothing newer is known."""
    newest = max(messages, key=lambda message: (message.timestamp, message.id))
    same_time = sorted(message.id for message in messages if message.timestamp == newest.timestamp)
    return said(newest) | {"last_inbound": {"at": newest.timestamp, "ids": same_time}}


def follows(conversation_id: str, facts: Document) -> tuple[Document, Document]:
    """Which conversation and the update that adds what a contact wrote, where that is newer than everything and the
    conversation is open: the same as `joined` would make of it."""
    at = facts["updated_at"]
    older = {"updated_at": {"$lt": at}, "read_up_to.at": {"$not": {"$gte": at}}}
    return {"_id": conversation_id, "status": "open", **older}, {"$set": {**facts, "unread": True}}


def covers(conversation: Document, facts: Document) -> bool:
    """The conversation (its COVERING fields) knows all that these facts of inbound messages would tell it."""
    inbound, known = facts["last_inbound"], conversation.get("last_inbound")
    newest = (facts["updated_at"], facts["last_message"]["id"])
    if known is None or (conversation["updated_at"], conversation["last_message"]["id"]) < newest:
        return False
    return bool(
        known["at"] > inbound["at"] or (known["at"] == inbound["at"] and set(inbound["ids"]) <= set(known["ids"]))
    )


def mark(seen: Seen | None, now: datetime) -> Document:
    """How far somebody looked; None: at everything before `now`."""
    return {"at": seen.at, "ids": sorted(set(seen.ids))} if seen else {"at": now, "ids": []}


def read_marks(messages: Sequence[MessageRecord]) -> dict[str, Document]:
    """By conversation: up to the newest of these messages."""
    marks: dict[str, Document] = {}
    for message in messages:
        if message.conversation_id is None:
            continue
        known = marks.get(message.conversation_id)
        if known is None or message.timestamp > known["at"]:
            marks[message.conversation_id] = {"at": message.timestamp, "ids": [message.id]}
        elif message.timestamp == known["at"]:
            known["ids"] = sorted({*known["ids"], message.id})
    return marks


def joined(facts: Document, opened_by: str | None = None) -> list[Document]:
    """The update that adds facts to a conversation; `opened_by`: id of the message they come from."""
    known: Document = {}
    for name, fact in facts.items():
        if name in _DECISIONS:
            known[name] = {"$max": [f"${name}", {"$literal": fact}]}
        elif name in _MARKS:
            known[name] = _later(name, fact)
    if "last_message" in facts:
        known |= _newest(facts["updated_at"], facts["last_message"])
    return [{"$set": known}, {"$set": _derived(opened_by)}]


def _newest(at: datetime, last: Document) -> Document:
    stays = {"$or": [
        {"$gt": ["$updated_at", at]},
        {"$and": [{"$eq": ["$updated_at", at]}, {"$gt": ["$last_message.id", last["id"]]}]},
        {"$and": [
            {"$eq": ["$last_message.id", last["id"]]}, {"$gt": ["$last_message.revision", last["revision"]]},
        ]},
    ]}  # fmt: skip
    return {
        "last_message": {"$cond": [stays, "$last_message", {"$literal": last}]},
        "updated_at": {"$max": ["$updated_at", at]},
    }


def _later(name: str, fact: Document) -> Document:
    """The later of two marks; of the same time both together."""
    at, both = f"${name}.at", {"$setUnion": [f"${name}.ids", {"$literal": fact["ids"]}]}
    same = {"at": fact["at"], "ids": {"$sortArray": {"input": both, "sortBy": 1}}}
    return {
        "$switch": {
            "branches": [
                {"case": {"$eq": [at, fact["at"]]}, "then": same},
                {"case": {"$gt": [at, fact["at"]]}, "then": f"${name}"},
            ],
            "default": {"$literal": fact},
        }
    }


def _derived(opened_by: str | None) -> Document:
    """What is looked for in lists."""
    closed = {"$and": ["$closing.closed", {"$not": [_beyond("closing.seen")]}]}
    found: Document = {
        "unread": _beyond("read_up_to"),
        "status": {"$cond": [closed, "closed", "open"]},
        "assigned_to": {"$ifNull": ["$assignment.to", "$$REMOVE"]},
    }
    if opened_by:
        opens = {"$and": [{"$eq": ["$status", "closed"]}, {"$not": [closed]}]}
        found["reopened_by"] = {"$cond": [opens, opened_by, {"$ifNull": ["$reopened_by", "$$REMOVE"]}]}
    return found


def _beyond(name: str) -> Any:
    """The contact wrote something this mark does not cover."""
    here, there = ({"$ifNull": [f"${field}.ids", []]} for field in ("last_inbound", name))
    return {
        "$switch": {
            "branches": [
                {"case": {"$gt": ["$last_inbound.at", {"$ifNull": [f"${name}.at", _NEVER]}]}, "then": True},
                {
                    "case": {"$eq": ["$last_inbound.at", f"${name}.at"]},
                    "then": {"$gt": [{"$size": {"$setDifference": [here, there]}}, 0]},
                },
            ],
            "default": False,
        }
    }
