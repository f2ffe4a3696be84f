"""Documents of contacts and updates of them, with the fields by which contacts are searched and sorted by name."""

from collections.abc import Mapping
from typing import Any

from services.router.rules.contact_identity import ContactObservation, new_contact
from shared.platform.documents import to_document
from shared.platform.mongo import Database, Document, UpdateOne
from shared.text.search_terms import contact_fields

SEARCH_FIELDS = ("search_parts", "sort_name")
_INPUTS = ("name", "phone_number", "lid", "aliases")
MIGRATION_BATCH_SIZE = 500


def contact_document(observation: ContactObservation) -> Document:
    unseen: Document = {
        "aliases": observation.aliases,
        "named_at": observation.at if observation.name else None,
        "number_at": observation.at if observation.party.phone else None,
    }
    return with_search_fields(
        to_document(
            new_contact(observation), **unseen, unasked=observation.variant_checked is False, updated_by=None, merges=[]
        )
    )


def with_search_fields(contact: Mapping[str, Any]) -> Document:
    """The document with its search fields."""
    return {**contact, **contact_fields(contact)}


def with_derived_fields(contact: Mapping[str, Any], fields: Document, aliases: list[str] | None = None) -> Document:
    """These fields, and the search fields that the contact has with them and with these aliases added."""
    after = {**contact, **fields}
    if aliases is not None:
        after["aliases"] = list(dict.fromkeys([*after["aliases"], *aliases]))
    return {**fields, **contact_fields(after)}


def observation_update(found: Mapping[str, Any], new: Document, observation: ContactObservation) -> Document:
    """The update that adds what an observation tells about a contact."""
    return {
        "$set": {**with_derived_fields(found, new, observation.aliases), "updated_by": observation.cause},
        "$max": {"updated_at": observation.at},
        "$addToSet": {"aliases": {"$each": observation.aliases}},
    }


def if_unchanged(found: Mapping[str, Any]) -> Document:
    """The query for the contact as long as the inputs of its search fields are as they were read."""
    return {"_id": found["_id"], **{name: found.get(name) for name in _INPUTS}}


def without_search_fields(contact: Mapping[str, Any]) -> Document:
    """The document without its search fields."""
    return {name: value for name, value in contact.items() if name not in SEARCH_FIELDS}


async def make_contacts_searchable(database: Database) -> None:
    """Migration: contacts of earlier versions get the fields. Repeatable; what changes meanwhile gets them anyway."""
    contacts = database["contacts"]
    query = dict.fromkeys(_INPUTS, 1)
    while (
        found := await contacts.find({"sort_name": None}, query)
        .limit(MIGRATION_BATCH_SIZE)
        .to_list(MIGRATION_BATCH_SIZE)
    ):
        await contacts.bulk_write(
            [UpdateOne(if_unchanged(each), {"$set": contact_fields(each)}) for each in found], ordered=False
        )
