"""Conversations: one per instance and contact, with the newest message for the list."""

from collections.abc import Sequence

from services.router.store.together import Together, outcomes
from shared.ids import derived_id
from shared.mongo import Database, Document, IndexModel, UpdateOne
from shared.records import MessageRecord

INDEXES = [
    IndexModel([("organization_id", 1), ("updated_at", -1), ("_id", -1)], name="newest_first"),
    IndexModel([("contact_id", 1)], name="of_contact"),
]
_PREVIEW = 200
"""Characters of the text that the list shows."""

_REMEMBERED = 100_000
"""Conversations a process knows to be there; 10 MB."""


def conversation_id(instance_id: str, contact_id: str) -> str:
    """The same two always have the same conversation."""
    return derived_id(instance_id, contact_id)


class Conversations:
    def __init__(self, database: Database) -> None:
        self._conversations = database["conversations"]
        self._update = Together(self._update_all)
        self._known: set[str] = set()

    async def by_id(self, organization_id: str, conversation_id: str) -> Document | None:
        return await self._conversations.find_one({"_id": conversation_id, "organization_id": organization_id})

    async def latest_instance(self, contact_id: str, among: Sequence[str]) -> str | None:
        """The one of these instances that the contact talked with last."""
        wanted = {"contact_id": contact_id, "instance_id": {"$in": list(among)}}
        found = await self._conversations.find_one(wanted, {"instance_id": 1}, sort=[("updated_at", -1)])
        return str(found["instance_id"]) if found else None

    async def show(self, message: MessageRecord) -> None:
        """Make the message the conversation's last, unless a newer one is there already."""
        last = {
            "id": message.id, "text": (message.text or "")[:_PREVIEW] or None, "type": message.type,
            "direction": message.direction, "timestamp": message.timestamp,
        }  # fmt: skip
        newer = {"$gt": [{"$ifNull": ["$updated_at", message.timestamp]}, message.timestamp]}
        fields = {
            "organization_id": message.organization_id,
            "instance_id": message.instance_id,
            "contact_id": message.contact_id,
            "last_message": {"$cond": [newer, "$last_message", {"$literal": last}]},
            "updated_at": {"$cond": [newer, "$updated_at", message.timestamp]},
        }
        await self._update(UpdateOne({"_id": message.conversation_id}, [{"$set": fields}], upsert=True))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(str(message.conversation_id))

    def is_known(self, conversation_id: str) -> bool:
        """This process has shown it before, so it is there; False says nothing."""
        return conversation_id in self._known

    async def _update_all(self, updates: Sequence[UpdateOne]) -> list[Exception | None]:
        return await outcomes(self._conversations.bulk_write(list(updates), ordered=False), len(updates))
