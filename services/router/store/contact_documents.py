"""Documents of contacts, and the updates of them; each with what search and the order by name need."""

from collections.abc import Mapping
from typing import Any

from services.router.rules.contact_identity import Sighting, new_contact
from services.router.store.documents import to_document
from shared.platform.mongo import Database, Document, UpdateOne
from shared.text.search_terms import contact_fields

SEARCH_FIELDS = ("search_parts", "sort_name")
_INPUTS = ("name", "phone_number", "lid", "aliases")
BATCH = 500


def new_document(seen: Sighting) -> Document:
    unseen: Document = {
        "aliases": seen.aliases,
        "named_at": seen.at if seen.name else None,
        "number_at": seen.at if seen.party.phone else None,
    }
    return searchable(
        to_document(new_contact(seen), **unseen, unasked=seen.answered is False, updated_by=None, merges=[])
    )


def searchable(contact: Mapping[str, Any]) -> Document:
    """The same document with the fields that follow from the others."""
    return {**contact, **contact_fields(contact)}


def changed_fields(contact: Mapping[str, Any], fields: Document, aliases: list[str] | None = None) -> Document:
    """These fields to be set, and those that follow from the contact with them, and with these aliases added."""
    after = {**contact, **fields}
    if aliases is not None:
        after["aliases"] = list(dict.fromkeys([*after["aliases"], *aliases]))
    return {**fields, **contact_fields(after)}


def learned(found: Mapping[str, Any], new: Document, seen: Sighting) -> Document:
    """The update that adds what a sighting tells about a contact."""
    return {
        "$set": {**changed_fields(found, new, seen.aliases), "updated_by": seen.cause},
        "$max": {"updated_at": seen.at},
        "$addToSet": {"aliases": {"$each": seen.aliases}},
    }


def as_read(found: Mapping[str, Any]) -> Document:
    """The query for the contact as long as nothing changed that its search fields follow from."""
    return {"_id": found["_id"], **{name: found.get(name) for name in _INPUTS}}


def plain(contact: Mapping[str, Any]) -> Document:
    """Without what follows from the rest."""
    return {name: value for name, value in contact.items() if name not in SEARCH_FIELDS}


async def make_contacts_searchable(database: Database) -> None:
    """Migration: contacts of earlier versions get the fields. Repeatable; what changes meanwhile gets them anyway."""
    contacts = database["contacts"]
    wanted = dict.fromkeys(_INPUTS, 1)
    while found := await contacts.find({"sort_name": None}, wanted).limit(BATCH).to_list(BATCH):
        await contacts.bulk_write(
            [UpdateOne(as_read(each), {"$set": contact_fields(each)}) for each in found], ordered=False
        )
