"""Merges contacts that are one person: everything of the younger ones moves to the oldest, in one transaction."""

from datetime import datetime
from typing import Any

from services.router.rules.booking_status import OPEN_STATUSES
from services.router.rules.contact_identity import ContactObservation
from services.router.store.contact_documents import with_derived_fields, without_search_fields
from services.router.store.conversation_state import STATE_FIELDS, merge_pipeline
from shared.contracts.ids import derived_id
from shared.contracts.records import BookingStatus
from shared.platform.mongo import Database, Document, in_transaction

MERGE_REASON = "contacts_merged"
"""Why a booking was cancelled, in its history."""


async def merge_contacts(
    database: Database, observation: ContactObservation, target_id: str, source_ids: list[str]
) -> None:
    """Repeatable: sources that were merged before are skipped. They are kept in `merges` of the target, so that a user
    can undo a wrong merge (contact_split.py)."""

    async def work(session: Any) -> None:
        contacts = database["contacts"]
        target = await contacts.find_one({"_id": target_id}, session=session)
        sources = await contacts.find({"_id": {"$in": source_ids}}, session=session).to_list(None)
        if target is None or not sources:
            return
        await contacts.delete_many({"_id": {"$in": [contact["_id"] for contact in sources]}}, session=session)
        await contacts.update_one({"_id": target_id}, _absorb(target, sources, observation), session=session)
        for contact in sources:
            await _move(database, session, observation, contact["_id"], target_id)

    await in_transaction(database, work)


async def move_orphans(database: Database, observation: ContactObservation, old: str, new: str) -> None:
    """Move what another handler wrote for a contact while it was merged. Nothing when the contact exists: a user may
    have split it again."""

    async def work(session: Any) -> None:
        contacts, mine = database["contacts"], {"_id": new}
        if await contacts.find_one({"_id": old}, {"_id": 1}, session=session) is None:
            # written and restored: a concurrent split conflicts with this transaction, and one of both is repeated
            await contacts.update_one(mine, {"$set": {"adopting": old}}, session=session)
            await contacts.update_one(mine, {"$unset": {"adopting": True}}, session=session)
            await _move(database, session, observation, old, new)

    await in_transaction(database, work)


def _absorb(target: Document, sources: list[Document], observation: ContactObservation) -> dict[str, Any]:
    """The update of the target: all aliases, the latest name, and the contacts it absorbed."""
    aliases = [alias for contact in sources for alias in contact["aliases"]]
    fields: dict[str, Any] = {"updated_by": observation.cause}
    for field in ("phone_number", "lid"):
        values = [contact.get(field) for contact in (target, *sources) if contact.get(field)]
        if values and not target.get(field):
            fields[field] = values[0]
    if observation.party.phone and observation.party.lid:  # the pair that caused the merge is the newest one
        fields.update(phone_number=observation.party.phone, lid=observation.party.lid, number_at=observation.at)
    if observation.same_account_phone:  # of two variants the one WhatsApp uses
        fields.update(phone_number=observation.party.phone, unasked=False)
    if named := [contact for contact in (target, *sources) if contact.get("name")]:
        latest = max(named, key=_named_at)
        fields.update(name=latest["name"], named_at=_named_at(latest))
    fields = with_derived_fields(target, fields, aliases)
    kept = [
        {"id": contact["_id"], "by": observation.cause, "at": observation.at, "was": without_search_fields(contact)}
        for contact in sources
    ]
    kept += [earlier for contact in sources for earlier in contact["merges"]]
    newest = {"$max": {"updated_at": observation.at}}
    return newest | {"$set": fields, "$addToSet": {"aliases": {"$each": aliases}}, "$push": {"merges": {"$each": kept}}}


def _named_at(contact: Document) -> datetime:
    at = contact.get("named_at") or contact["created_at"]
    assert isinstance(at, datetime)
    return at


async def _move(database: Database, session: Any, observation: ContactObservation, old: str, new: str) -> None:
    await _move_bookings(database, session, observation, old, new)
    conversations, messages = database["conversations"], database["messages"]
    async for conversation in conversations.find({"contact_id": old}, session=session):
        await _move_conversation(database, session, conversation, new)
    instances = messages.aggregate(
        [{"$match": {"contact_id": old}}, {"$group": {"_id": "$instance_id"}}], session=session
    )
    for instance_id in [item["_id"] async for item in instances]:
        place = {"contact_id": new, "conversation_id": derived_id(instance_id, new), **_from(old)}
        await messages.update_many({"contact_id": old, "instance_id": instance_id}, [{"$set": place}], session=session)


def _from(contact_id: str) -> Document:
    """The contact that a document belonged to first, for a later split."""
    return {"moved_from": {"$ifNull": ["$moved_from", contact_id]}}


async def _move_bookings(database: Database, session: Any, observation: ContactObservation, old: str, new: str) -> None:
    """Besides parallel ones, one open booking is kept; the other is cancelled with the reason in its history."""
    bookings, is_open = database["bookings"], {"status": {"$in": sorted(OPEN_STATUSES)}, "apart": None}
    if await bookings.find_one({"contact_id": new, **is_open}, session=session):
        cancelled = BookingStatus.CANCELLED
        note = {
            "status": cancelled,
            "at": observation.at,
            "by": None,
            "reason": MERGE_REASON,
            "cause": observation.cause,
        }
        change = {
            "$set": {"status": cancelled, "open": False, "updated_at": observation.at},
            "$push": {"history": note},
        }
        await bookings.update_many({"contact_id": old, **is_open}, change, session=session)
    moved = [{"$set": {"contact_id": new, **_from(old)}}]
    await bookings.update_many({"contact_id": old}, moved, session=session)


async def _move_conversation(database: Database, session: Any, old: Document, contact_id: str) -> None:
    conversations, new_id = database["conversations"], derived_id(old["instance_id"], contact_id)
    await conversations.delete_one({"_id": old["_id"]}, session=session)
    place = {"organization_id": old["organization_id"], "instance_id": old["instance_id"], "contact_id": contact_id}
    facts = merge_pipeline({name: old[name] for name in STATE_FIELDS if name in old})
    await conversations.update_one({"_id": new_id}, [{"$set": place}, *facts], upsert=True, session=session)
