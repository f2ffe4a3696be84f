"""Contacts. The unique index on the aliases is what keeps one person one contact, whoever writes at the same time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from services.router.rules.contact_identity import Sighting, changes, new_contact, survivor
from services.router.rules.merge_candidates import as_seen_by, kindred
from services.router.rules.recycled_numbers import by_lid_only, former_holder, is_late
from services.router.store.contact_documents import as_read, learned, new_document
from services.router.store.contact_merge import merge, move_stragglers
from services.router.store.contact_split import split
from services.router.store.documents import from_document
from services.router.store.operation_batcher import Together, insert_all
from services.router.store.recycled_numbers import hand_over
from shared.contracts.records import Contact
from shared.platform.mongo import Collection, Database, Document, DuplicateKeyError, IndexModel

INDEXES = [
    IndexModel([("organization_id", 1), ("search_parts", 1)], name="by_part"),
    IndexModel([("organization_id", 1), ("sort_name", 1), ("_id", 1)], name="by_name"),
    IndexModel([("organization_id", 1), ("aliases", 1)], unique=True, name="one_contact_per_alias"),
    IndexModel([("organization_id", 1), ("updated_at", -1), ("_id", -1)], name="newest_first"),
    IndexModel([("organization_id", 1), ("created_at", -1), ("_id", -1)], name="by_creation"),
]
_ATTEMPTS = 5
_FEW = 8
"""So many contacts are read together with their bookings."""


@dataclass(frozen=True)
class Known:
    """A contact after a sighting. `created`, `updated`: by this very sighting, now or before a redelivery.

    merged_ids: contacts this sighting found to be the same person. former_holder_ids: contacts whose number turned out
    to be this one's. open_booking_ids: as stored then, the newest first.
    """

    contact: Contact
    created: bool = False
    updated: bool = False
    merged_ids: tuple[str, ...] = ()
    absorbed_ids: tuple[str, ...] = ()
    former_holder_ids: tuple[str, ...] = ()
    apart_ids: tuple[str, ...] = ()
    open_booking_ids: tuple[str, ...] = ()

    @property
    def open_booking_id(self) -> str | None:
        """The one that messages belong to: the newest."""
        return self.open_booking_ids[0] if self.open_booking_ids else None


class Contacts:
    def __init__(self, database: Database) -> None:
        self._database, self._contacts = database, database["contacts"]
        self._bookings: Collection = database["bookings"]
        self._insert = Together(partial(insert_all, self._contacts))
        self._find, self._present = Together(self._find_all), Together(self._are_there)

    async def by_id(self, organization_id: str, contact_id: str) -> Contact | None:
        found = await self._contacts.find_one({"_id": contact_id, "organization_id": organization_id})
        return from_document(Contact, found) if found else None

    async def is_there(self, contact_id: str) -> bool:
        """False when it was merged into another."""
        return await self._present(contact_id)

    async def are_there(self, ids: Sequence[str]) -> list[bool]:
        """The same for many, in their order."""
        return await self._are_there(ids) if ids else []

    async def _are_there(self, ids: Sequence[str]) -> list[bool]:
        found = {item["_id"] async for item in self._contacts.find({"_id": {"$in": list(ids)}}, {"_id": 1})}
        return [contact_id in found for contact_id in ids]

    async def absorbed_by(self, contact_id: str) -> list[str]:
        """Ids of contacts that were merged into this one."""
        found = await self._contacts.find_one({"_id": contact_id}, {"merges.id": 1})
        return [str(item["id"]) for item in found["merges"]] if found else []

    async def adopt(self, seen: Sighting, old_id: str, new_id: str) -> None:
        """Move what was written for a contact at the moment it was merged away; repeatable."""
        await move_stragglers(self._database, seen, old_id, new_id)

    async def meet(self, seen: Sighting) -> Known:
        """Find, create, complete or merge; repeatable. Raises DuplicateKeyError when others never stop interfering."""
        for attempt in range(_ATTEMPTS):
            found = await self._find(seen)
            try:
                return await self._settle(seen, found)
            except DuplicateKeyError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    async def find(self, seen: Sighting) -> Known | None:
        """The contact when the sighting tells nothing new about it: the usual case, in one round trip."""
        return self._usual(seen, await self._find(seen))

    async def find_all(self, seen: Sequence[Sighting]) -> list[Known | None]:
        """The same for many, in their order."""
        found = await self._find_all(seen) if seen else []
        return [self._usual(one, contacts) for one, contacts in zip(seen, found, strict=True)]

    def _usual(self, seen: Sighting, found: list[Document]) -> Known | None:
        if len(found) != 1 or changes(found[0], seen) or found[0].get("unasked"):
            return None
        return self._unchanged(seen, found[0])

    async def is_of_another(self, seen: Sighting, phone: str) -> bool:
        """Whether somebody has this number who is not, as far as is known, the one seen."""
        another = {"$and": [_with_number(seen.organization_id, phone), {"aliases": {"$nin": seen.aliases}}]}
        return await self._contacts.find_one(another, {"_id": 1}) is not None

    async def doubt(self, organization_id: str, phone: str) -> None:
        """Ask WhatsApp about whoever has this number as soon as he writes again."""
        await self._contacts.update_one(_with_number(organization_id, phone), {"$set": {"unasked": True}})

    async def is_settled(self, organization_id: str, phone: str) -> bool:
        """Whether somebody has this number and WhatsApp need not be asked about it."""
        settled = {**_with_number(organization_id, phone), "unasked": {"$ne": True}}
        return await self._contacts.find_one(settled, {"_id": 1}) is not None

    async def only_id(self, seen: Sighting) -> str | None:
        """The one contact with any of the addresses, whether or not the sighting tells something new about it."""
        found = await self._find(seen)
        return str(found[0]["_id"]) if len(found) == 1 else None

    async def addresses(self, organization_id: str, ids: Iterable[str]) -> dict[str, list[str]]:
        """All addresses of these contacts, by contact."""
        wanted = {"_id": {"$in": list(ids)}, "organization_id": organization_id}
        return {item["_id"]: item["aliases"] async for item in self._contacts.find(wanted, {"aliases": 1})}

    async def with_addresses(self, organization_id: str, aliases: Iterable[str]) -> list[str]:
        """These addresses, and all others of the contacts that have one of them."""
        found = list(aliases)
        wanted = {"organization_id": organization_id, "aliases": {"$in": found}}
        async for item in self._contacts.find(wanted, {"aliases": 1}):
            found += item["aliases"]
        return found

    async def _find_all(self, seen: Sequence[Sighting]) -> list[list[Document]]:
        """For each sighting the contacts that have one of its addresses, each with its open bookings."""
        wanted: dict[str, set[str]] = {}
        for one in seen:
            wanted.setdefault(one.organization_id, set()).update(one.aliases)
        either = [{"organization_id": org, "aliases": {"$in": sorted(aliases)}} for org, aliases in wanted.items()]
        contacts = await (self._with_bookings(either) if len(seen) <= _FEW else self._then_bookings(either))
        by_alias: dict[tuple[str, str], Document] = {}
        for contact in contacts:
            by_alias.update({(contact["organization_id"], alias): contact for alias in contact["aliases"]})
        return [_shown(by_alias, one) for one in seen]

    async def _with_bookings(self, either: list[Document]) -> list[Document]:
        """In one round trip, which costs MongoDB five times as much for each contact."""
        newest_first = [{"$match": {"open": True}}, {"$sort": {"created_at": -1, "_id": -1}}, {"$project": {"_id": 1}}]
        bookings = {"from": "bookings", "localField": "_id", "foreignField": "contact_id", "pipeline": newest_first}
        lookup = {"$lookup": {**bookings, "as": "open_bookings"}}
        found = self._contacts.aggregate([{"$match": {"$or": either}}, {"$unset": "search_parts"}, lookup])
        return await found.to_list(None)

    async def _then_bookings(self, either: list[Document]) -> list[Document]:
        found = self._contacts.find({"$or": either}, {"search_parts": 0})
        contacts = {contact["_id"]: contact async for contact in found}
        wanted = {"contact_id": {"$in": list(contacts)}, "open": True}
        newest_first = self._bookings.find(wanted, {"contact_id": 1}).sort([("created_at", -1), ("_id", -1)])
        async for booking in newest_first:
            contacts[booking["contact_id"]].setdefault("open_bookings", []).append(booking)
        return list(contacts.values())

    async def _settle(self, seen: Sighting, found: list[Document]) -> Known:
        if not found:
            return await self._create(seen)
        if former := former_holder(found, seen):
            return await self._take_number(seen, former, [contact for contact in found if contact is not former])
        kin = kindred(found, seen)
        if len(kin) > 1:
            return await self._merge(seen, kin)
        if len(found) > 1:
            seen, found = as_seen_by(kin[0], found, seen), [dict(kin[0])]
        if new := changes(found[0], seen):
            return await self._update(seen, found[0], new)
        return self._unchanged(seen, found[0])

    async def _create(self, seen: Sighting) -> Known:
        await self._insert(new_document(seen))
        return Known(new_contact(seen), created=True)

    async def _take_number(self, seen: Sighting, former: Mapping[str, Any], others: list[Document]) -> Known:
        """The number that was seen had been another person's."""
        if is_late(former, seen):
            return await self.meet(by_lid_only(seen))
        new, holder_id = (None, others[0]["_id"]) if others else (new_document(seen), seen.contact_id)
        await hand_over(self._database, seen, former, new, holder_id)
        return await self.meet(seen)

    async def _update(self, seen: Sighting, found: Document, new: dict[str, Any]) -> Known:
        change = learned(found, new, seen)
        after = await self._contacts.find_one_and_update(as_read(found), change, return_document=True)
        if after is None:  # merged into another contact or changed meanwhile
            raise DuplicateKeyError("the contact has gone or is another now")
        return self._unchanged(seen, {**after, "open_bookings": found.get("open_bookings", ())})

    async def split(self, contact_id: str, merged_id: str, at: datetime, cause: str) -> None:
        """Undo a merge, when there is one."""
        await split(self._database, contact_id, merged_id, at, cause)

    async def _merge(self, seen: Sighting, found: Sequence[Mapping[str, Any]]) -> Known:
        stays = survivor(found)
        goes = [contact["_id"] for contact in found if contact is not stays]
        await merge(self._database, seen, stays["_id"], goes)
        return await self.meet(seen)

    def _unchanged(self, seen: Sighting, found: Document) -> Known:
        contact = from_document(Contact, found)
        merges = found.get("merges", ())
        merged = tuple(item["id"] for item in merges if item["by"] == seen.cause)
        return Known(
            contact,
            created=contact.id == seen.contact_id,
            updated=found.get("updated_by") == seen.cause or bool(merged),
            merged_ids=merged,
            absorbed_ids=tuple(item["id"] for item in merges),
            former_holder_ids=tuple(item["id"] for item in found.get("taken", ()) if item["by"] == seen.cause),
            apart_ids=tuple(found.get("apart_from", ())),
            open_booking_ids=tuple(booking["_id"] for booking in found.get("open_bookings", ())),
        )


def _shown(by_alias: Mapping[tuple[str, str], Document], seen: Sighting) -> list[Document]:
    """Each contact once."""
    found = (by_alias.get((seen.organization_id, alias)) for alias in seen.aliases)
    return list({contact["_id"]: contact for contact in found if contact}.values())


def _with_number(organization_id: str, phone: str) -> Document:
    return {"organization_id": organization_id, "aliases": f"phone:{phone}"}
