"""What was written for a contact while a person split it: it follows the address it came under."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.router.store.contact_split import (
    DECISION_FIELDS,
    SPLIT_REASON,
    exchanged_under,
    rebuild_conversation,
    remaining_moved_from,
)
from services.router.store.conversation_state import READ_MARKS
from services.router.store.conversations import conversation_id
from shared.contracts.errors import Retry
from shared.contracts.records import BookingStatus
from shared.platform.mongo import Database, Document, in_transaction

_MAX_PASSES = 10
"""Of putting two contacts right at once. Two are usual: one that moves, one that finds all in order."""


@dataclass(frozen=True)
class ContactWrite:
    """A message was stored for this contact because it has this address (`phone:…`, `lid:…`)."""

    contact_id: str
    alias: str


class SplitRepair:
    def __init__(self, database: Database) -> None:
        self._database, self._contacts = database, database["contacts"]

    async def misplaced_writes(self, written: Sequence[ContactWrite]) -> set[ContactWrite]:
        """Those whose address a split gave to another contact."""
        query = {"_id": {"$in": sorted({one.contact_id for one in written})}, "apart_from.0": {"$exists": True}}
        split = {item["_id"]: item async for item in self._contacts.find(query, {"aliases": 1, "apart_from": 1})}
        found = set[ContactWrite]()
        for one in set(written):
            contact = split.get(one.contact_id)
            if contact and one.alias not in contact["aliases"]:
                holder = {"_id": {"$in": contact["apart_from"]}, "aliases": one.alias}
                if await self._contacts.find_one(holder, {"_id": 1}):
                    found.add(one)
        return found

    async def split_ids_of(self, contact_id: str) -> list[str]:
        """The contacts a person told apart from this one."""
        found = await self._contacts.find_one({"_id": contact_id}, {"apart_from": 1})
        return list(map(str, (found or {}).get("apart_from", ())))

    async def repair(self, contact_id: str, apart_ids: Sequence[str], at: datetime, cause: str) -> None:
        """Messages and bookings of a contact and of those that were told apart from it, each to whom its address
        belongs; their conversations anew from these. Repeatable.

        Until a transaction finds all in order: while one moves a message, another message may be stored that it does
        not see, and whose facts the conversation knows from the one that is moved, so that showing it writes nothing.
        Raises Retry when others never stop writing.
        """
        for other_id in apart_ids:
            for _ in range(_MAX_PASSES):
                if not await self._repair_pair(contact_id, other_id, at, cause):
                    break
            else:
                raise Retry("others wrote for the contacts that were split, again and again")

    async def _repair_pair(self, contact_id: str, other_id: str, at: datetime, cause: str) -> bool:
        """Whether something was not in order."""
        changed = False

        async def work(session: Any) -> None:
            nonlocal changed
            ids = {"$in": [contact_id, other_id]}
            contacts = await self._contacts.find({"_id": ids}, session=session).to_list(None)
            both = len(contacts) == 2
            changed = both and await _RepairTransaction(self._database, session, at, cause).run(*contacts)

        await in_transaction(self._database, work)
        return changed


@dataclass(frozen=True)
class _RepairTransaction:
    database: Database
    session: Any
    at: datetime
    cause: str

    async def run(self, one: Document, other: Document) -> bool:
        """Whether it changed anything."""
        messages, changes = self.database["messages"], 0
        both = {"contact_id": {"$in": [one["_id"], other["_id"]]}}
        for instance_id in await messages.distinct("instance_id", both, session=self.session):
            changes += await self._move(instance_id, one, other)
            changes += await self._move(instance_id, other, one)
            for contact in (one, other):
                changes += await self._rebuild(conversation_id(instance_id, contact["_id"]), contact["_id"])
        changes += await self._move_bookings(one["_id"], other)
        changes += await self._move_bookings(other["_id"], one)
        return changes > 0

    async def _rebuild(self, conversation: str, contact_id: str) -> bool:
        mine, conversations = {"_id": conversation}, self.database["conversations"]
        before = await conversations.find_one(mine, session=self.session)
        await rebuild_conversation(
            self.database, self.session, (conversation, contact_id), before or {}, (*READ_MARKS, *DECISION_FIELDS)
        )
        return before != await conversations.find_one(mine, session=self.session)

    async def _move(self, instance_id: str, source: Document, target: Document) -> int:
        here, there = (conversation_id(instance_id, one["_id"]) for one in (source, target))
        moved = {"moved_from": {"$in": _itself_and_absorbed(target)}}  # by a merge that ran beside the split
        stray = {"conversation_id": here, "$or": [moved, *exchanged_under(target["aliases"])]}
        place = {
            "contact_id": target["_id"],
            "conversation_id": there,
            "moved_from": remaining_moved_from(target["_id"]),
        }
        found = await self.database["messages"].update_many(stray, [{"$set": place}], session=self.session)
        return found.matched_count

    async def _move_bookings(self, source: str, to: Document) -> int:
        """Those that messages of the target opened; one that finds another open one there is cancelled."""
        bookings, session, target = self.database["bookings"], self.session, to["_id"]
        opened = await self.database["messages"].distinct("_id", {"contact_id": target}, session=session)
        moved = {"moved_from": {"$in": _itself_and_absorbed(to)}}
        strays = {"contact_id": source, "$or": [moved, {"moved_from": None, "opened_by": {"$in": opened}}]}
        found = await bookings.find(strays, session=session).to_list(None)
        for booking in found:
            change: Document = {"$set": {"contact_id": target}}
            if booking.get("moved_from") == target:
                change["$unset"] = {"moved_from": True}
            in_the_way = {"contact_id": target, "open": True, "apart": None}
            if booking["open"] and not booking.get("apart") and await bookings.find_one(in_the_way, session=session):
                cancelled = BookingStatus.CANCELLED.value
                note = {"status": cancelled, "at": self.at, "by": None, "reason": SPLIT_REASON, "cause": self.cause}
                change["$set"] |= {"status": cancelled, "open": False, "updated_at": self.at}
                change["$push"] = {"history": note}
            await bookings.update_one({"_id": booking["_id"]}, change, session=session)
        return len(found)


def _itself_and_absorbed(contact: Document) -> list[str]:
    return [contact["_id"], *(item["id"] for item in contact.get("merges", ()))]
