"""Merges contacts that are one person: everything of the younger ones moves to the oldest, in one transaction."""

from datetime import datetime

from services.router.rules.booking_status import OPEN_STATUSES
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.contact_names import given_name, name_changes, whatsapp_name
from services.router.rules.stored_contact import ContactChanges, MergedContact, StoredContact
from services.router.store.contact_documents import contacts_of, with_derived_fields, without_search_fields
from services.router.store.conversation_state import (
    STATE_FIELDS,
    StoredConversation,
    conversations_of,
    merge_pipeline,
    select_changes,
)
from services.router.store.stored_booking import BookingStep, bookings_of
from shared.contracts.ids import derived_id
from shared.contracts.records import BookingStatus
from shared.platform.mongo import ClientSession, Database, MongoQuery, MongoUpdate, in_transaction

MERGE_REASON = "contacts_merged"
"""Why a booking was cancelled, in its history."""
MAX_HAND_MERGES = 16
"""Commands of a contact that are remembered: one is redelivered within minutes, so not so many come in between."""


async def merge_contacts(
    database: Database, observation: ContactObservation, target_id: str, source_ids: list[str], *, by_hand: bool = False
) -> None:
    """Repeatable: sources that were merged before are skipped. They are kept in `merges` of the target, so that a user
    can undo a wrong merge (contact_split.py). by_hand: the cause is a user's command; it is carried out once, although
    a split has restored the source before it is redelivered."""

    async def work(session: ClientSession) -> None:
        contacts = contacts_of(database)
        target = await contacts.find_one({"_id": target_id}, session=session)
        sources = await contacts.find({"_id": {"$in": source_ids}}, session=session).to_list(None)
        if target is None or not sources or (by_hand and observation.cause in target.get("hand_merges", ())):
            return
        changes = _hand_merge(target, sources, observation.cause) if by_hand else ContactChanges()
        await contacts.delete_many({"_id": {"$in": [contact["_id"] for contact in sources]}}, session=session)
        await contacts.update_one({"_id": target_id}, _absorb(target, sources, observation, changes), session=session)
        for contact in sources:
            await _move(database, session, observation, contact["_id"], target_id)

    await in_transaction(database, work)


async def move_orphans(database: Database, observation: ContactObservation, old: str, new: str) -> None:
    """Move what another handler wrote for a contact while it was merged. Nothing when the contact exists: a user may
    have split it again."""

    async def work(session: ClientSession) -> None:
        contacts, mine = contacts_of(database), {"_id": new}
        if await contacts.find_one({"_id": old}, {"_id": 1}, session=session) is None:
            # written and restored: a concurrent split conflicts with this transaction, and one of both is repeated
            await contacts.update_one(mine, {"$set": {"adopting": old}}, session=session)
            await contacts.update_one(mine, {"$unset": {"adopting": True}}, session=session)
            await _move(database, session, observation, old, new)

    await in_transaction(database, work)


def _hand_merge(target: StoredContact, sources: list[StoredContact], command_id: str) -> ContactChanges:
    """A user merges what a user may have split before."""
    merged = {contact["_id"] for contact in sources}
    changes: ContactChanges = {"hand_merges": [*target.get("hand_merges", []), command_id][-MAX_HAND_MERGES:]}
    if "apart_from" in target:
        changes["apart_from"] = [other for other in target["apart_from"] if other not in merged]
    return changes


def _absorb(
    target: StoredContact, sources: list[StoredContact], observation: ContactObservation, more: ContactChanges
) -> MongoUpdate:
    """The update of the target: all aliases, the latest name (one that a user gave before one from WhatsApp), and the
    contacts it absorbed."""
    contacts, party = [target, *sources], observation.party
    aliases = [alias for contact in sources for alias in contact["aliases"]]
    changes: ContactChanges = {**more, "updated_by": observation.cause}
    numbers = [number for one in sources if (number := one.get("phone_number"))]
    if numbers and not target.get("phone_number"):
        changes["phone_number"] = numbers[0]
    lids = [lid for one in sources if (lid := one.get("lid"))]
    if lids and not target.get("lid"):
        changes["lid"] = lids[0]
    if party.phone and party.lid:  # the pair that caused the merge is the newest one
        changes["phone_number"], changes["lid"], changes["number_at"] = party.phone, party.lid, observation.at
    if observation.same_account_phone:  # of two variants the one WhatsApp uses
        changes["phone_number"], changes["unasked"] = party.phone, False
    kept: list[MergedContact] = [
        {"id": contact["_id"], "by": observation.cause, "at": observation.at, "was": without_search_fields(contact)}
        for contact in sources
    ]
    kept += [earlier for contact in sources for earlier in contact["merges"]]
    from_whatsapp = None
    if named := [(_named_at(contact), name) for contact in contacts if (name := whatsapp_name(contact))]:
        changes["named_at"], from_whatsapp = max(named, key=lambda each: each[0])
    given = given_name(target.get("naming"), [*target.get("merges", []), *kept])
    if from_whatsapp or given or target.get("given_name"):
        changes |= name_changes(target, from_whatsapp, given)
    return {
        "$max": {"updated_at": observation.at},
        "$set": with_derived_fields(target, changes, aliases),
        "$addToSet": {"aliases": {"$each": aliases}},
        "$push": {"merges": {"$each": kept}},
    }


def _named_at(contact: StoredContact) -> datetime:
    return contact.get("named_at") or contact["created_at"]


async def _move(
    database: Database, session: ClientSession, observation: ContactObservation, old: str, new: str
) -> None:
    await _move_bookings(database, session, observation, old, new)
    conversations, messages = conversations_of(database), database["messages"]
    async for conversation in conversations.find({"contact_id": old}, session=session):
        await _move_conversation(database, session, conversation, new)
    instances = messages.aggregate(
        [{"$match": {"contact_id": old}}, {"$group": {"_id": "$instance_id"}}], session=session
    )
    for instance_id in [item["_id"] async for item in instances]:
        place = {"contact_id": new, "conversation_id": derived_id(instance_id, new), **_from(old)}
        await messages.update_many({"contact_id": old, "instance_id": instance_id}, [{"$set": place}], session=session)


def _from(contact_id: str) -> MongoQuery:
    """The contact that a document belonged to first, for a later split."""
    return {"moved_from": {"$ifNull": ["$moved_from", contact_id]}}


async def _move_bookings(
    database: Database, session: ClientSession, observation: ContactObservation, old: str, new: str
) -> None:
    """Besides parallel ones, one open booking is kept; the other is cancelled with the reason in its history."""
    bookings, is_open = bookings_of(database), {"status": {"$in": sorted(OPEN_STATUSES)}, "apart": None}
    if await bookings.find_one({"contact_id": new, **is_open}, session=session):
        cancelled = BookingStatus.CANCELLED
        step: BookingStep = {
            "status": cancelled,
            "at": observation.at,
            "by": None,
            "reason": MERGE_REASON,
            "cause": observation.cause,
        }
        change = {
            "$set": {"status": cancelled, "open": False, "updated_at": observation.at},
            "$push": {"history": step},
        }
        await bookings.update_many({"contact_id": old, **is_open}, change, session=session)
    moved = [{"$set": {"contact_id": new, **_from(old)}}]
    await bookings.update_many({"contact_id": old}, moved, session=session)


async def _move_conversation(
    database: Database, session: ClientSession, old: StoredConversation, contact_id: str
) -> None:
    conversations, new_id = conversations_of(database), derived_id(old["instance_id"], contact_id)
    await conversations.delete_one({"_id": old["_id"]}, session=session)
    place = {"organization_id": old["organization_id"], "instance_id": old["instance_id"], "contact_id": contact_id}
    facts = merge_pipeline(select_changes(old, STATE_FIELDS))
    await conversations.update_one({"_id": new_id}, [{"$set": place}, *facts], upsert=True, session=session)
