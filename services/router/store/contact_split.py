"""Splits a merged contact off again, with its addresses and everything that belongs to it, in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from services.router.rules.booking_status import OPEN_STATUSES
from services.router.rules.contact_identity import conversation_id
from services.router.rules.contact_names import given_name, name_changes, whatsapp_name
from services.router.rules.stored_contact import ContactChanges, StoredContact
from services.router.store.contact_documents import contacts_of, with_derived_fields, with_search_fields
from services.router.store.contact_merge import MERGE_REASON
from services.router.store.conversation_state import (
    DECISION_FIELDS,
    READ_MARKS,
    StoredConversation,
    changes_from_message,
    conversations_of,
    merge_pipeline,
    select_changes,
)
from services.router.store.stored_booking import BookingStep, bookings_of
from shared.contracts.addresses import address_of_alias, lid_of_alias, phone_of_alias
from shared.contracts.records import MessageRecord
from shared.platform.documents import from_document
from shared.platform.mongo import ClientSession, Database, MongoQuery, in_transaction

SPLIT_REASON = "contacts_split"
"""Why a booking was reopened, in its history."""


async def split_contact(database: Database, contact_id: str, merged_id: str, at: datetime, cause: str) -> None:
    """Nothing happens when that contact was not merged into this one, or was split from it before."""

    async def work(session: ClientSession) -> None:
        contact = await contacts_of(database).find_one({"_id": contact_id}, session=session)
        entries = contact["merges"] if contact else []
        restored = next((item["was"] for item in entries if item["id"] == merged_id and "was" in item), None)
        if contact and restored:
            await _SplitTransaction(database, session, contact, restored, at, cause).run()

    await in_transaction(database, work)


@dataclass(frozen=True)
class _SplitTransaction:
    """contact: the one it was merged into. restored: the merged one, as it was before the merge."""

    database: Database
    session: ClientSession
    contact: StoredContact
    restored: StoredContact
    at: datetime
    cause: str

    @property
    def ids(self) -> list[str]:
        """The contacts whose documents go to the restored one: itself, and those it had absorbed."""
        return [self.restored["_id"], *(item["id"] for item in self.restored["merges"])]

    async def run(self) -> None:
        contacts, contact_id = contacts_of(self.database), self.contact["_id"]
        await contacts.update_one({"_id": contact_id}, {"$set": self._remaining()}, session=self.session)
        split_ids = [*self.restored.get("apart_from", []), contact_id]
        restored: StoredContact = {
            **self.restored,
            "updated_at": self.at,
            "updated_by": self.cause,
            "apart_from": split_ids,
        }
        await contacts.insert_one(with_search_fields(restored), session=self.session)
        messages, exchanged = self.database["messages"], {"contact_id": contact_id}
        for instance_id in await messages.distinct("instance_id", exchanged, session=self.session):
            await self._return_messages(instance_id)
        await self._return_bookings()
        await self._reopen()

    def _remaining(self) -> ContactChanges:
        """The fields of the other contact without the restored one's addresses, and without the name that a user gave
        the restored one."""
        left = [alias for alias in self.contact["aliases"] if alias not in self.restored["aliases"]]
        kept = [item for item in self.contact["merges"] if item["id"] not in self.ids]
        split_ids = [*self.contact.get("apart_from", []), self.restored["_id"]]
        changes: ContactChanges = {"aliases": left, "merges": kept, "apart_from": split_ids, "updated_by": self.cause}
        numbers = [number for alias in left if (number := phone_of_alias(alias))]
        if self.contact.get("phone_number") not in numbers:
            changes["phone_number"] = numbers[0] if numbers else None
        lids = [lid for alias in left if (lid := lid_of_alias(alias))]
        if self.contact.get("lid") not in lids:
            changes["lid"] = lids[0] if lids else None
        given = given_name(self.contact.get("naming"), kept)
        if given != self.contact.get("given_name"):
            changes |= name_changes(self.contact, whatsapp_name(self.contact), given)
        return {**with_derived_fields(self.contact, changes), "updated_at": self.at}

    async def _return_messages(self, instance_id: str) -> None:
        """Messages it had, and those exchanged since under one of its addresses."""
        here, there = (conversation_id(instance_id, one["_id"]) for one in (self.contact, self.restored))
        since = exchanged_under(self.restored["aliases"])
        own = {"conversation_id": here, "$or": [{"moved_from": {"$in": self.ids}}, *since]}
        place = {
            "contact_id": self.restored["_id"],
            "conversation_id": there,
            "moved_from": remaining_moved_from(self.restored["_id"]),
        }
        await self.database["messages"].update_many(own, [{"$set": place}], session=self.session)
        before = await conversations_of(self.database).find_one({"_id": here}, session=self.session)
        await rebuild_conversation(
            self.database, self.session, (here, self.contact["_id"]), before, (*READ_MARKS, *DECISION_FIELDS)
        )
        await rebuild_conversation(self.database, self.session, (there, self.restored["_id"]), before, READ_MARKS)

    async def _return_bookings(self) -> None:
        """Bookings it had, and those that its messages opened since."""
        mine = {"contact_id": self.restored["_id"]}
        opened = await self.database["messages"].distinct("_id", mine, session=self.session)
        either = [{"moved_from": {"$in": self.ids}}, {"moved_from": None, "opened_by": {"$in": opened}}]
        own = {"contact_id": self.contact["_id"], "$or": either}
        place = {"contact_id": self.restored["_id"], "moved_from": remaining_moved_from(self.restored["_id"])}
        await self.database["bookings"].update_many(own, [{"$set": place}], session=self.session)

    async def _reopen(self) -> None:
        """Give the booking that the merge cancelled its former status, unless another is open."""
        bookings, mine = bookings_of(self.database), {"contact_id": self.restored["_id"]}
        if await bookings.find_one(
            {**mine, "status": {"$in": sorted(OPEN_STATUSES)}, "apart": None}, session=self.session
        ):
            return
        newest = bookings.find({**mine, "history.reason": MERGE_REASON}, session=self.session).sort("created_at", -1)
        async for booking in newest:
            if booking["history"][-1].get("reason") == MERGE_REASON:
                before = booking["history"][-2]["status"]
                step: BookingStep = {
                    "status": before,
                    "at": self.at,
                    "by": None,
                    "reason": SPLIT_REASON,
                    "cause": self.cause,
                }
                change = {"$set": {"status": before, "open": True, "updated_at": self.at}, "$push": {"history": step}}
                await bookings.update_one({"_id": booking["_id"]}, change, session=self.session)
                return


def remaining_moved_from(contact_id: str) -> MongoQuery:
    """`moved_from` of a document that returns to this contact: unset, unless it came from yet another contact."""
    left = {"$ifNull": ["$moved_from", "$$REMOVE"]}
    return {"$cond": [{"$eq": ["$moved_from", contact_id]}, "$$REMOVE", left]}


async def rebuild_conversation(
    database: Database,
    session: ClientSession,
    whose: tuple[str, str],
    before: StoredConversation | None,
    kept: tuple[str, ...],
) -> None:
    """Write the conversation anew from its messages and the `kept` fields of before: what was read stays read.
    `whose`: the ids of the conversation and of its contact."""
    conversation, contact_id = whose
    conversations, messages = conversations_of(database), database["messages"]
    await conversations.delete_one({"_id": conversation}, session=session)
    found = False
    for direction in ("inbound", "outbound"):
        query: MongoQuery = {"conversation_id": conversation, "direction": direction}
        newest = await messages.find_one(query, {"order_key": 1}, sort=[("order_key", -1)], session=session)
        query["order_key"] = newest and newest["order_key"]
        async for item in messages.find(query, session=session):
            message, found = from_document(MessageRecord, item), True
            place = {"organization_id": message.organization_id, "instance_id": message.instance_id}
            update = [
                {"$set": {**place, "contact_id": contact_id}},
                *merge_pipeline(changes_from_message(message), message.id),
            ]
            await conversations.update_one({"_id": conversation}, update, upsert=True, session=session)
    if found:
        changes = select_changes(before, kept) if before else {}
        await conversations.update_one({"_id": conversation}, merge_pipeline(changes), session=session)


def exchanged_under(aliases: list[str]) -> list[MongoQuery]:
    """Queries for messages exchanged under these aliases, except those that a merge moved from another contact."""
    addresses = [address_of_alias(alias) for alias in aliases]
    return [
        {"moved_from": None, "direction": "inbound", "from_address": {"$in": addresses}},
        {"moved_from": None, "direction": "outbound", "to_address": {"$in": addresses}},
    ]
