"""Repairs what was written for a contact while a user split it: it goes to the contact that has its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.rules.contact_identity import conversation_id
from services.router.rules.stored_contact import StoredContact
from services.router.store.contact_documents import contacts_of
from services.router.store.contact_split import (
    SPLIT_REASON,
    exchanged_under,
    rebuild_conversation,
    remaining_moved_from,
)
from services.router.store.conversation_state import DECISION_FIELDS, READ_MARKS, conversations_of
from services.router.store.recent_contacts import RecentContacts
from services.router.store.stored_booking import BookingStep, bookings_of
from shared.contracts.errors import Retry
from shared.contracts.records import BookingStatus
from shared.platform.mongo import ClientSession, Database, MongoUpdate, in_transaction
from shared.platform.operation_batcher import OperationBatcher

_MAX_PASSES = 10
"""Of one repair. Two are usual: one that moves, one that finds nothing to move."""


@dataclass(frozen=True)
class ContactWrite:
    """A message was stored for this contact because the contact has this alias (`phone:…`, `lid:…`)."""

    contact_id: str
    alias: str


class SplitRepair:
    def __init__(self, database: Database, recent: RecentContacts) -> None:
        self._database, self._contacts, self._recent = database, contacts_of(database), recent
        self._is_misplaced = OperationBatcher(self._are_misplaced)
        self._is_current = OperationBatcher(self._are_current)

    async def misplaced_writes(self, writes: Sequence[ContactWrite]) -> set[ContactWrite]:
        """Those whose address a split gave to another contact. Concurrent calls for one each share a round trip."""
        if len(writes) == 1:
            return set(writes) if await self._is_misplaced(writes[0]) else set()
        misplaced = await self._are_misplaced(writes) if writes else []
        return {write for write, is_misplaced in zip(writes, misplaced, strict=True) if is_misplaced}

    async def is_current(self, write: ContactWrite) -> bool:
        """Whether the contact exists, and a split did not give the address to another contact."""
        return await self._is_current(write)

    async def _are_current(self, writes: Sequence[ContactWrite]) -> list[bool]:
        query = {"_id": {"$in": sorted({write.contact_id for write in writes})}}
        contacts = {item["_id"]: item async for item in self._contacts.find(query, {"aliases": 1, "apart_from": 1})}
        current: list[bool] = []
        for write in writes:
            contact = contacts.get(write.contact_id)
            is_split = contact is not None and bool(contact.get("apart_from"))
            current.append(contact is not None and not (is_split and await self._is_of_another(write, contact)))
        return current

    async def _are_misplaced(self, writes: Sequence[ContactWrite]) -> list[bool]:
        query = {"_id": {"$in": sorted({write.contact_id for write in writes})}, "apart_from.0": {"$exists": True}}
        split = {item["_id"]: item async for item in self._contacts.find(query, {"aliases": 1, "apart_from": 1})}
        if not split:
            return [False] * len(writes)
        misplaced = {write: await self._is_of_another(write, split.get(write.contact_id)) for write in set(writes)}
        return [misplaced[write] for write in writes]

    async def _is_of_another(self, write: ContactWrite, contact: StoredContact | None) -> bool:
        """`contact`: as it is stored, when others were split from it."""
        if contact is None or write.alias in contact["aliases"]:
            return False
        holder = {"_id": {"$in": contact["apart_from"]}, "aliases": write.alias}
        return await self._contacts.find_one(holder, {"_id": 1}) is not None

    async def split_ids_of(self, contact_id: str) -> list[str]:
        """The contacts that users split from this one."""
        found = await self._contacts.find_one({"_id": contact_id}, {"apart_from": 1})
        return found.get("apart_from", []) if found else []

    async def repair(self, contact_id: str, split_ids: Sequence[str], at: datetime, cause: str) -> None:
        """Move messages and bookings of these contacts, which were split, to the contact that has their address; write
        the conversations anew. Repeatable.

        Repeated until a transaction finds nothing to move: while one moves a message, another message may be stored
        that the transaction does not see, and that the conversation already includes, so that adding it writes nothing.
        Raises Retry when others never stop writing.
        """
        for other_id in split_ids:
            for _ in range(_MAX_PASSES):
                if not await self._repair_pair(contact_id, other_id, at, cause):
                    break
            else:
                raise Retry("others never stopped writing for the contacts that were split")

    async def _repair_pair(self, contact_id: str, other_id: str, at: datetime, cause: str) -> bool:
        """Whether something was moved."""
        changed = False

        async def work(session: ClientSession) -> None:
            nonlocal changed
            ids = {"$in": [contact_id, other_id]}
            contacts = await self._contacts.find({"_id": ids}, session=session).to_list(None)
            both = len(contacts) == 2
            changed = both and await _RepairTransaction(self._database, session, at, cause).run(*contacts)

        await in_transaction(self._database, work)
        self._recent.forget([contact_id, other_id])
        return changed


@dataclass(frozen=True)
class _RepairTransaction:
    database: Database
    session: ClientSession
    at: datetime
    cause: str

    async def run(self, one: StoredContact, other: StoredContact) -> bool:
        """Whether something was moved."""
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
        mine, conversations = {"_id": conversation}, conversations_of(self.database)
        before = await conversations.find_one(mine, session=self.session)
        await rebuild_conversation(
            self.database, self.session, (conversation, contact_id), before, (*READ_MARKS, *DECISION_FIELDS)
        )
        return before != await conversations.find_one(mine, session=self.session)

    async def _move(self, instance_id: str, source: StoredContact, target: StoredContact) -> int:
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

    async def _move_bookings(self, source: str, to: StoredContact) -> int:
        """Bookings that messages of the target opened; an open one is cancelled when the target has another."""
        bookings, session, target = bookings_of(self.database), self.session, to["_id"]
        opened = await self.database["messages"].distinct("_id", {"contact_id": target}, session=session)
        moved = {"moved_from": {"$in": _itself_and_absorbed(to)}}
        strays = {"contact_id": source, "$or": [moved, {"moved_from": None, "opened_by": {"$in": opened}}]}
        found = await bookings.find(strays, session=session).to_list(None)
        for booking in found:
            change: MongoUpdate = {"$set": {"contact_id": target}}
            if booking.get("moved_from") == target:
                change["$unset"] = {"moved_from": True}
            in_the_way = {"contact_id": target, "open": True, "apart": None}
            if booking["open"] and not booking.get("apart") and await bookings.find_one(in_the_way, session=session):
                cancelled = BookingStatus.CANCELLED
                step: BookingStep = {
                    "status": cancelled,
                    "at": self.at,
                    "by": None,
                    "reason": SPLIT_REASON,
                    "cause": self.cause,
                }
                change["$set"] |= {"status": cancelled, "open": False, "updated_at": self.at}
                change["$push"] = {"history": step}
            await bookings.update_one({"_id": booking["_id"]}, change, session=session)
        return len(found)


def _itself_and_absorbed(contact: StoredContact) -> list[str]:
    return [contact["_id"], *(item["id"] for item in contact.get("merges", ()))]
