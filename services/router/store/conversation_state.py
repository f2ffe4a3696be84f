"""Commutative, idempotent updates of conversations: the same changes in any order, and repeated, end in one document.

Messages are compared by their order keys (shared/contracts/order_keys.py). `inbound_key` (what the contact wrote last),
`read_key` and `ticked_key` (up to where read receipts were sent) are the greatest keys so far. `closing` and
`assignment` are last-writer-wins registers: the decision with the greatest (`at`, `id`) holds. The other fields are
derived.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, cast

from shared.contracts.commands import ExpectedAssignee
from shared.contracts.message_type import MessageType
from shared.contracts.order_keys import key_at, time_of
from shared.contracts.records import ConversationStatus, MessageRecord, Seen
from shared.platform.mongo import CollectionOf, Database, MongoQuery, MongoUpdate, collection_of


class StoredLastMessage(TypedDict):
    """`LastMessage`, as it is stored."""

    id: str
    text: str | None
    type: MessageType
    direction: Literal["inbound", "outbound"]
    order_key: int
    timestamp: datetime
    revoked_at: datetime | None
    revision: NotRequired[int]


class Decision(TypedDict):
    """MongoDB compares documents field by field in their order: the later decision is the greater one."""

    at: datetime
    id: str
    by: str | None


class Assignment(Decision):
    to: str | None


class Closing(Decision):
    """`seen_key`: up to which order key the user who closed it had seen the conversation."""

    closed: bool
    seen_key: int


class ConversationChanges(TypedDict, total=False):
    """What is merged into a conversation: any of STATE_FIELDS."""

    updated_at: datetime
    order_key: int
    last_message: StoredLastMessage
    inbound_key: int
    read_key: int
    ticked_key: int
    closing: Closing
    assignment: Assignment


class StoredConversation(ConversationChanges):
    """A document of `conversations`; `unread`, `status`, `assigned_to` and `reopened_by` are derived.
    `checked_commands`: ids of the latest commands that named the state they expected and were carried out."""

    _id: str
    organization_id: str
    instance_id: str
    contact_id: str
    unread: NotRequired[bool]
    status: NotRequired[ConversationStatus]
    assigned_to: NotRequired[str]
    reopened_by: NotRequired[str]
    checked_commands: NotRequired[list[str]]


READ_MARKS = ("read_key", "ticked_key")
DECISION_FIELDS = ("closing", "assignment")
STATE_FIELDS = ("updated_at", "order_key", "last_message", "inbound_key", *READ_MARKS, *DECISION_FIELDS)
INCLUDED_FIELDS = ("order_key", "last_message.id", "inbound_key")
MAX_PREVIEW_LENGTH = 200
"""Characters of the text that the list shows."""
MAX_CHECKED_COMMANDS = 16
"""A command is redelivered within minutes; so many others of one conversation do not come in between."""

_GREATEST = ("inbound_key", *READ_MARKS)


def order_key_of(message: MessageRecord) -> int:
    """Its order key; of a record of an earlier version the one that the migration gives it."""
    return key_at(message.timestamp) if message.order_key is None else message.order_key


def conversations_of(database: Database) -> CollectionOf[StoredConversation]:
    return collection_of(database, "conversations", StoredConversation)


def changes_from_message(message: MessageRecord) -> ConversationChanges:
    """The changes that a message makes: who writes has read what came before."""
    key, text = order_key_of(message), None if message.revoked_at else (message.text or "")[:MAX_PREVIEW_LENGTH] or None
    last: StoredLastMessage = {
        "id": message.id,
        "text": text,
        "type": message.type,
        "direction": message.direction,
        "order_key": key,
        "timestamp": message.timestamp,
        "revoked_at": message.revoked_at,
        "revision": message.revision,
    }
    changes: ConversationChanges = {"updated_at": time_of(key), "order_key": key, "last_message": last}
    if message.direction == "outbound":
        changes["read_key"] = key
    else:
        changes["inbound_key"] = key
    return changes


def read_changes(key: int) -> ConversationChanges:
    """Everything up to this order key was read, and read receipts were sent for it."""
    return {"read_key": key, "ticked_key": key}


def select_changes(changes: ConversationChanges, names: Sequence[str]) -> ConversationChanges:
    """Those with these names."""
    return cast(ConversationChanges, {name: value for name, value in changes.items() if name in names})


def newest_changes(messages: Sequence[MessageRecord]) -> ConversationChanges:
    """The changes that several messages of one contact make together when nothing in the conversation is newer."""
    return changes_from_message(max(messages, key=lambda message: (order_key_of(message), message.id)))


def newer_than_all_update(conversation_id: str, changes: ConversationChanges) -> tuple[MongoQuery, MongoUpdate]:
    """The query and the plain update that add what a contact wrote to an open conversation in which nothing is newer;
    the result is that of `merge_pipeline`."""
    key = changes["order_key"]
    older = {"order_key": {"$lt": key}, "read_key": {"$not": {"$gte": key}}}
    return {"_id": conversation_id, "status": "open", **older}, {"$set": {**changes, "unread": True}}


def already_includes(conversation: StoredConversation, changes: ConversationChanges) -> bool:
    """Whether the conversation (its INCLUDED_FIELDS) has all that these changes by inbound messages would give it."""
    if conversation.get("inbound_key", -1) < changes["inbound_key"]:
        return False
    newest = (conversation["order_key"], conversation["last_message"]["id"])
    return newest >= (changes["order_key"], changes["last_message"]["id"])


def seen_order_key(seen: Seen | None, now: datetime) -> int:
    """The order key up to which somebody saw the conversation; None: everything before `now`."""
    if seen is None:
        return key_at(now)
    if seen.order_key is not None:
        return seen.order_key
    # a command of an earlier version, about messages whose keys the migration made of their times
    return key_at(seen.at or now) - (not seen.ids)


def read_marks(messages: Sequence[MessageRecord]) -> dict[str, int]:
    """By conversation the order key of the newest of these messages."""
    marks: dict[str, int] = {}
    for message in messages:
        if message.conversation_id is not None:
            marks[message.conversation_id] = max(order_key_of(message), marks.get(message.conversation_id, 0))
    return marks


def merge_pipeline(changes: ConversationChanges, opened_by: str | None = None) -> list[MongoQuery]:
    """The update that merges changes into a conversation. `opened_by`: id of the message that makes them."""
    fields: MongoUpdate = {}
    for name, value in changes.items():
        if name in DECISION_FIELDS:
            fields[name] = {"$max": [f"${name}", {"$literal": value}]}
        elif name in _GREATEST:
            fields[name] = {"$max": [f"${name}", value]}
    if "last_message" in changes:
        fields |= _newest_message(changes)
    return [{"$set": fields}, {"$set": _derived_fields(opened_by)}]


def expectation_query(expected: ExpectedAssignee | ConversationStatus) -> MongoQuery:
    """The query for a conversation that is assigned, or that has the status, as somebody expected."""
    if isinstance(expected, ExpectedAssignee):
        return {"assigned_to": expected.user_id}
    closed = ConversationStatus.CLOSED.value
    return {"status": closed if expected is ConversationStatus.CLOSED else {"$ne": closed}}


def checked_pipeline(changes: ConversationChanges, cause: str) -> list[MongoQuery]:
    """The update for decisions by the command `cause` in a conversation that was as the command expected: they are the
    latest ones, whatever the clocks of their issuers say."""
    fields: MongoUpdate = {}
    for name, decision in select_changes(changes, DECISION_FIELDS).items():
        at = {"$max": [cast(Decision, decision)["at"], {"$add": [f"${name}.at", 1]}]}
        fields[name] = {"$mergeObjects": [{"$literal": decision}, {"at": at}]}
    checked = {"$concatArrays": [{"$ifNull": ["$checked_commands", []]}, [{"$literal": cause}]]}
    fields["checked_commands"] = {"$slice": [checked, -MAX_CHECKED_COMMANDS]}
    return [{"$set": fields}, {"$set": _derived_fields(None)}]


def _newest_message(changes: ConversationChanges) -> MongoQuery:
    key, last = changes["order_key"], changes["last_message"]
    is_newer = {
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
        "last_message": {"$cond": [is_newer, "$last_message", {"$literal": last}]},
        "updated_at": {"$cond": [is_newer, "$updated_at", changes["updated_at"]]},
        "order_key": {"$max": ["$order_key", key]},
    }


def _derived_fields(opened_by: str | None) -> MongoQuery:
    """The fields by which lists are filtered."""
    closed = {"$and": ["$closing.closed", {"$not": [_inbound_after("closing.seen_key")]}]}
    fields: MongoUpdate = {
        "unread": _inbound_after("read_key"),
        "status": {"$cond": [closed, "closed", "open"]},
        "assigned_to": {"$ifNull": ["$assignment.to", "$$REMOVE"]},
    }
    if opened_by:
        opens = {"$and": [{"$eq": ["$status", "closed"]}, {"$not": [closed]}]}
        fields["reopened_by"] = {"$cond": [opens, opened_by, {"$ifNull": ["$reopened_by", "$$REMOVE"]}]}
    return fields


def _inbound_after(name: str) -> MongoQuery:
    """Whether the contact wrote something after this key."""
    return {"$gt": [{"$ifNull": ["$inbound_key", -1]}, {"$ifNull": [f"${name}", -1]}]}
