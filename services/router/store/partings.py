"""What was written for a contact while a person split it: it follows the address it came under."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.router.store.conversations import conversation_id
from services.router.store.joining import MARKS
from services.router.store.merging import in_transaction
from services.router.store.splitting import DECISIONS, SPLIT, since_split, still_moved, tell_anew
from shared.mongo import Database, Document
from shared.records import BookingStatus


@dataclass(frozen=True)
class Written:
    """A message was stored for this contact because it has this address (`phone:…`, `lid:…`)."""

    contact_id: str
    alias: str


class Partings:
    def __init__(self, database: Database) -> None:
        self._database, self._contacts = database, database["contacts"]

    async def misplaced(self, written: Sequence[Written]) -> set[Written]:
        """Those whose address a split gave to another contact."""
        wanted = {"_id": {"$in": sorted({one.contact_id for one in written})}, "apart_from.0": {"$exists": True}}
        split = {item["_id"]: item async for item in self._contacts.find(wanted, {"aliases": 1, "apart_from": 1})}
        found = set[Written]()
        for one in set(written):
            contact = split.get(one.contact_id)
            if contact and one.alias not in contact["aliases"]:
                holder = {"_id": {"$in": contact["apart_from"]}, "aliases": one.alias}
                if await self._contacts.find_one(holder, {"_id": 1}):
                    found.add(one)
        return found

    async def apart_from(self, contact_id: str) -> list[str]:
        """The contacts a person told apart from this one."""
        found = await self._contacts.find_one({"_id": contact_id}, {"apart_from": 1})
        return list(map(str, (found or {}).get("apart_from", ())))

    async def put_right(self, contact_id: str, apart_ids: Sequence[str], at: datetime, cause: str) -> None:
        """Messages and bookings of a contact and of those that were told apart from it, each to whom its address
        belongs; their conversations anew from these. Repeatable."""
        for other_id in apart_ids:

            async def work(session: Any, other_id: str = other_id) -> None:
                ids = {"$in": [contact_id, other_id]}
                contacts = await self._contacts.find({"_id": ids}, session=session).to_list(None)
                if len(contacts) == 2:
                    await _PuttingRight(self._database, session, at, cause).run(*contacts)

            await in_transaction(self._database, work)


@dataclass(frozen=True)
class _PuttingRight:
    database: Database
    session: Any
    at: datetime
    cause: str

    async def run(self, one: Document, other: Document) -> None:
        messages = self.database["messages"]
        both = {"contact_id": {"$in": [one["_id"], other["_id"]]}}
        for instance_id in await messages.distinct("instance_id", both, session=self.session):
            await self._move(instance_id, one, other)
            await self._move(instance_id, other, one)
            for contact in (one, other):
                conversation = conversation_id(instance_id, contact["_id"])
                before = await self.database["conversations"].find_one({"_id": conversation}, session=self.session)
                kept = (*MARKS, *DECISIONS)
                await tell_anew(self.database, self.session, (conversation, contact["_id"]), before or {}, kept)
        await self._move_bookings(one["_id"], other)
        await self._move_bookings(other["_id"], one)

    async def _move(self, instance_id: str, source: Document, target: Document) -> None:
        here, there = (conversation_id(instance_id, one["_id"]) for one in (source, target))
        moved = {"moved_from": {"$in": _itself_and_absorbed(target)}}  # by a merge that ran beside the split
        stray = {"conversation_id": here, "$or": [moved, *since_split(target["aliases"])]}
        place = {"contact_id": target["_id"], "conversation_id": there, "moved_from": still_moved(target["_id"])}
        await self.database["messages"].update_many(stray, [{"$set": place}], session=self.session)

    async def _move_bookings(self, source: str, to: Document) -> None:
        """Those that messages of the target opened; one that finds another open one there is cancelled."""
        bookings, session, target = self.database["bookings"], self.session, to["_id"]
        opened = await self.database["messages"].distinct("_id", {"contact_id": target}, session=session)
        moved = {"moved_from": {"$in": _itself_and_absorbed(to)}}
        strays = {"contact_id": source, "$or": [moved, {"moved_from": None, "opened_by": {"$in": opened}}]}
        async for booking in bookings.find(strays, session=session):
            change: Document = {"$set": {"contact_id": target}}
            if booking.get("moved_from") == target:
                change["$unset"] = {"moved_from": True}
            in_the_way = {"contact_id": target, "open": True, "apart": None}
            if booking["open"] and not booking.get("apart") and await bookings.find_one(in_the_way, session=session):
                cancelled = BookingStatus.CANCELLED.value
                note = {"status": cancelled, "at": self.at, "by": None, "reason": SPLIT, "cause": self.cause}
                change["$set"] |= {"status": cancelled, "open": False, "updated_at": self.at}
                change["$push"] = {"history": note}
            await bookings.update_one({"_id": booking["_id"]}, change, session=session)


def _itself_and_absorbed(contact: Document) -> list[str]:
    return [contact["_id"], *(item["id"] for item in contact.get("merges", ()))]
