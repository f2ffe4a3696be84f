"""Contacts. A unique index on the aliases keeps one person one contact, however many routers write at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.router.rules.contact_identity import (
    ContactObservation,
    ResolvedContact,
    contact_changes,
    merge_target,
    new_contact,
)
from services.router.rules.merge_candidates import merge_candidates, without_foreign_addresses
from services.router.rules.recycled_numbers import former_holder, is_older_than_former_holder, with_lid_only
from services.router.rules.stored_contact import ContactChanges, StoredContact
from services.router.store.contact_documents import contact_document, contacts_of, if_unchanged, observation_update
from services.router.store.contact_merge import merge_contacts, move_orphans
from services.router.store.contact_split import split_contact
from services.router.store.recent_contacts import RecentContacts
from services.router.store.recycled_numbers import transfer_number
from services.router.store.stored_booking import bookings_of
from shared.contracts.addresses import phone_alias
from shared.contracts.errors import Retry
from shared.contracts.records import Contact, Party
from shared.platform.documents import from_document
from shared.platform.mongo import Database, DuplicateKeyError, IndexModel, MongoQuery
from shared.platform.operation_batcher import OperationBatcher, insert_each

INDEXES = [
    IndexModel([("organization_id", 1), ("search_parts", 1)], name="by_part"),
    IndexModel([("organization_id", 1), ("sort_name", 1), ("_id", 1)], name="by_name"),
    IndexModel([("organization_id", 1), ("aliases", 1)], unique=True, name="one_contact_per_alias"),
    IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)], name="by_creation"),
]
RETIRED = ("newest_first",)
"""An index of earlier versions, which listed contacts by their latest change."""
_MAX_ATTEMPTS = 5
_MAX_JOINED_CONTACTS = 8
"""Up to so many contacts are read in one query with their bookings (`$lookup`)."""


@dataclass(frozen=True)
class ContactMatch:
    """ids: of the contacts that have one of the observed addresses. unchanged: the only one, when the observation tells
    nothing new about it. is_remembered: as it was some seconds ago (recent_contacts.py)."""

    ids: tuple[str, ...] = ()
    unchanged: ResolvedContact | None = None
    is_remembered: bool = False


class Contacts:
    def __init__(self, database: Database, recent: RecentContacts) -> None:
        self._database, self._contacts, self._recent = database, contacts_of(database), recent
        self._bookings = bookings_of(database)
        self._insert = OperationBatcher(partial(insert_each, self._contacts))
        self._load, self._exists = OperationBatcher(self._load_all), OperationBatcher(self._exist)

    async def by_id(self, organization_id: str, contact_id: str) -> Contact | None:
        found = await self._contacts.find_one({"_id": contact_id, "organization_id": organization_id})
        return from_document(Contact, found) if found else None

    async def exists(self, contact_id: str) -> bool:
        """False when it was merged into another."""
        return await self._exists(contact_id)

    async def exist(self, ids: Sequence[str]) -> list[bool]:
        """The same for many, in their order."""
        if len(ids) == 1:
            return [await self._exists(ids[0])]
        return await self._exist(ids) if ids else []

    async def _exist(self, ids: Sequence[str]) -> list[bool]:
        found = {item["_id"] async for item in self._contacts.find({"_id": {"$in": list(ids)}}, {"_id": 1})}
        return [contact_id in found for contact_id in ids]

    async def absorbed_by(self, contact_id: str) -> list[str]:
        """Ids of contacts that were merged into this one."""
        found = await self._contacts.find_one({"_id": contact_id}, {"merges.id": 1})
        return [str(item["id"]) for item in found["merges"]] if found else []

    async def reassign(self, observation: ContactObservation, old_id: str, new_id: str) -> None:
        """Move what was written for a contact while it was merged into another. Repeatable."""
        await move_orphans(self._database, observation, old_id, new_id)
        self._recent.forget([old_id, new_id])

    async def resolve(self, observation: ContactObservation) -> ResolvedContact:
        """Find, create, complete or merge the contact. Repeatable. Raises DuplicateKeyError after 5 conflicts."""
        for attempt in range(_MAX_ATTEMPTS):
            found = await self._load(observation)
            try:
                return await self._resolve_found(observation, found)
            except DuplicateKeyError:
                if attempt == _MAX_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def recent(self, observation: ContactObservation) -> ResolvedContact | None:
        """The contact as it was some seconds ago, with its bookings, when the observation tells nothing new about it.
        None when this process has not just read it."""
        found = self._recent.find(observation)
        unclear = found is None or contact_changes(found, observation) or found.get("unasked")
        return None if found is None or unclear else _resolved(observation, found)

    async def match_all(self, observations: Sequence[ContactObservation], *, fresh: bool = False) -> list[ContactMatch]:
        """What is stored of the contacts observed, in the order of the observations; with their bookings, in one or two
        round trips, or in none. fresh: nothing that is remembered."""
        recent = [None if fresh else self.recent(one) for one in observations]
        missing = [one for one, contact in zip(observations, recent, strict=True) if contact is None]
        if len(missing) == 1:
            found = iter([await self._load(missing[0])])
        else:
            found = iter(await self._load_all(missing) if missing else [])
        return [
            ContactMatch((contact.contact.id,), contact, is_remembered=True) if contact else _match(one, next(found))
            for one, contact in zip(observations, recent, strict=True)
        ]

    async def is_held_by_another(self, observation: ContactObservation, phone: str) -> bool:
        """Whether another contact has this number, without any of the observed addresses."""
        another = {
            "$and": [_with_number(observation.organization_id, phone), {"aliases": {"$nin": observation.aliases}}]
        }
        return await self._contacts.find_one(another, {"_id": 1}) is not None

    async def mark_variant_unchecked(self, organization_id: str, phone: str) -> None:
        """WhatsApp is asked about the contact with this number at their next message."""
        contact = await self._contacts.find_one_and_update(
            _with_number(organization_id, phone), {"$set": {"unasked": True}}
        )
        self._recent.forget([contact["_id"]] if contact else [])

    async def is_variant_checked(self, organization_id: str, phone: str) -> bool:
        """Whether a contact has this number and WhatsApp need not be asked about its variant."""
        settled = {**_with_number(organization_id, phone), "unasked": {"$ne": True}}
        return await self._contacts.find_one(settled, {"_id": 1}) is not None

    async def only_id(self, observation: ContactObservation) -> str | None:
        """The only contact with any of the addresses; None when there are none or several."""
        found = await self._load(observation)
        return str(found[0]["_id"]) if len(found) == 1 else None

    async def _load_all(self, observation: Sequence[ContactObservation]) -> list[list[StoredContact]]:
        """For each observation the contacts with one of its addresses, each with its open bookings."""
        query: dict[str, set[str]] = {}
        for one in observation:
            query.setdefault(one.organization_id, set()).update(one.aliases)
        either = [{"organization_id": org, "aliases": {"$in": sorted(aliases)}} for org, aliases in query.items()]
        with self._recent.reading() as remember:
            contacts = await (
                self._with_bookings_joined(either)
                if len(observation) <= _MAX_JOINED_CONTACTS
                else self._with_bookings_read_after(either)
            )
            remember(contacts)
        by_alias: dict[tuple[str, str], StoredContact] = {}
        for contact in contacts:
            by_alias.update({(contact["organization_id"], alias): contact for alias in contact["aliases"]})
        return [_with_alias(by_alias, one) for one in observation]

    async def _with_bookings_joined(self, either: list[MongoQuery]) -> list[StoredContact]:
        """In one round trip, which takes MongoDB five times as long for each contact."""
        newest_first = [{"$match": {"open": True}}, {"$sort": {"created_at": -1, "_id": -1}}, {"$project": {"_id": 1}}]
        bookings = {"from": "bookings", "localField": "_id", "foreignField": "contact_id", "pipeline": newest_first}
        lookup = {"$lookup": {**bookings, "as": "open_bookings"}}
        found = self._contacts.aggregate([{"$match": {"$or": either}}, {"$unset": "search_parts"}, lookup])
        contacts: list[StoredContact] = await found.to_list(None)
        return contacts

    async def _with_bookings_read_after(self, either: list[MongoQuery]) -> list[StoredContact]:
        found = self._contacts.find({"$or": either}, {"search_parts": 0})
        contacts = {contact["_id"]: contact async for contact in found}
        query = {"contact_id": {"$in": list(contacts)}, "open": True}
        newest_first = self._bookings.find(query, {"contact_id": 1}).sort([("created_at", -1), ("_id", -1)])
        async for booking in newest_first:
            contacts[booking["contact_id"]].setdefault("open_bookings", []).append(booking)
        return list(contacts.values())

    async def _resolve_found(self, observation: ContactObservation, found: list[StoredContact]) -> ResolvedContact:
        if not found:
            return await self._create(observation)
        if former := former_holder(found, observation):
            return await self._take_number(observation, former, [contact for contact in found if contact is not former])
        candidates = merge_candidates(found, observation)
        if len(candidates) > 1:
            return await self._merge(observation, candidates)
        if len(found) > 1:
            observation, found = without_foreign_addresses(candidates[0], found, observation), [candidates[0]]
        if changes := contact_changes(found[0], observation):
            return await self._update(observation, found[0], changes)
        return _resolved(observation, found[0])

    async def _create(self, observation: ContactObservation) -> ResolvedContact:
        await self._insert(contact_document(observation))
        return ResolvedContact(new_contact(observation), created=True)

    async def _take_number(
        self, observation: ContactObservation, former: StoredContact, others: list[StoredContact]
    ) -> ResolvedContact:
        """The observed number was another person's before."""
        if is_older_than_former_holder(former, observation):
            return await self.resolve(with_lid_only(observation))
        new, holder_id = (None, others[0]["_id"]) if others else (contact_document(observation), observation.contact_id)
        await transfer_number(self._database, observation, former, new, holder_id)
        self._recent.forget([former["_id"], holder_id])
        return await self.resolve(observation)

    async def _update(
        self, observation: ContactObservation, found: StoredContact, changes: ContactChanges
    ) -> ResolvedContact:
        update = observation_update(found, changes, observation)
        after: StoredContact | None = await self._contacts.find_one_and_update(
            if_unchanged(found), update, return_document=True
        )
        self._recent.forget([found["_id"]])
        if after is None:  # it was merged into another contact or changed meanwhile
            raise DuplicateKeyError("the contact was merged or changed meanwhile")
        return _resolved(observation, {**after, "open_bookings": found.get("open_bookings", [])})

    async def split(self, contact_id: str, merged_id: str, at: datetime, cause: str) -> None:
        """Undo a merge, when there is one."""
        await split_contact(self._database, contact_id, merged_id, at, cause)
        self._recent.forget([contact_id, merged_id])

    async def merge(self, contact: Contact, other_id: str, at: datetime, cause: str) -> bool:
        """Merge another contact into this one because of a user's command. Repeatable. Returns whether it is merged
        into this one: not when a split has restored it since. Raises Retry when it was merged into a third one just
        now."""
        party = Party(phone=contact.phone_number) if contact.phone_number else Party(lid=contact.lid)
        observation = ContactObservation(contact.organization_id, party, None, cause, at)
        await merge_contacts(self._database, observation, contact.id, [other_id], by_hand=True)
        self._recent.forget([contact.id, other_id])
        is_merged = other_id in await self.absorbed_by(contact.id)
        if is_merged:
            await self.reassign(observation, other_id, contact.id)
        elif not await self.exists(other_id):
            raise Retry("the contact was merged into a third one meanwhile")
        return is_merged

    async def _merge(self, observation: ContactObservation, found: Sequence[StoredContact]) -> ResolvedContact:
        target = merge_target(found)
        source_ids = [contact["_id"] for contact in found if contact is not target]
        await merge_contacts(self._database, observation, target["_id"], source_ids)
        self._recent.forget([target["_id"], *source_ids])
        return await self.resolve(observation)


def _match(observation: ContactObservation, found: Sequence[StoredContact]) -> ContactMatch:
    ids = tuple(str(contact["_id"]) for contact in found)
    if len(found) != 1 or contact_changes(found[0], observation) or found[0].get("unasked"):
        return ContactMatch(ids)
    return ContactMatch(ids, _resolved(observation, found[0]))


def _resolved(observation: ContactObservation, found: StoredContact) -> ResolvedContact:
    contact = from_document(Contact, found)
    merges = found.get("merges", ())
    merged = tuple(item["id"] for item in merges if item["by"] == observation.cause)
    return ResolvedContact(
        contact,
        created=contact.id == observation.contact_id,
        updated=found.get("updated_by") == observation.cause or bool(merged),
        merged_ids=merged,
        absorbed_ids=tuple(item["id"] for item in merges),
        former_holder_ids=tuple(item["id"] for item in found.get("taken", ()) if item["by"] == observation.cause),
        split_ids=tuple(found.get("apart_from", ())),
        open_booking_ids=tuple(booking["_id"] for booking in found.get("open_bookings", ())),
    )


def _with_alias(
    by_alias: Mapping[tuple[str, str], StoredContact], observation: ContactObservation
) -> list[StoredContact]:
    """The contacts with one of the observed aliases, each once."""
    found = (by_alias.get((observation.organization_id, alias)) for alias in observation.aliases)
    return list({contact["_id"]: contact for contact in found if contact}.values())


def _with_number(organization_id: str, phone: str) -> MongoQuery:
    return {"organization_id": organization_id, "aliases": phone_alias(phone)}
