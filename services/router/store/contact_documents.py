"""Documents of contacts and updates of them, with the fields by which contacts are searched and sorted by name."""

from typing import cast

from services.router.rules.contact_identity import ContactObservation, new_contact
from services.router.rules.stored_contact import ContactChanges, StoredContact
from shared.platform.mongo import CollectionOf, Database, MongoQuery, MongoUpdate, UpdateOne, collection_of
from shared.text.search_terms import ContactSearchFields, contact_fields

SEARCH_FIELDS = ("search_parts", "sort_name")
_INPUTS = ("name", "given_name", "whatsapp_name", "phone_number", "lid", "aliases")
MIGRATION_BATCH_SIZE = 500


def contacts_of(database: Database) -> CollectionOf[StoredContact]:
    return collection_of(database, "contacts", StoredContact)


def contact_document(observation: ContactObservation) -> StoredContact:
    contact = new_contact(observation)
    return with_search_fields(
        {
            "_id": contact.id,
            "organization_id": contact.organization_id,
            "phone_number": contact.phone_number,
            "lid": contact.lid,
            "name": contact.name,
            "created_at": contact.created_at,
            "updated_at": contact.updated_at,
            "aliases": observation.aliases,
            "named_at": observation.at if observation.name else None,
            "number_at": observation.at if observation.party.phone else None,
            "unasked": observation.variant_checked is False,
            "updated_by": None,
            "merges": [],
        }
    )


def search_fields(contact: StoredContact) -> ContactSearchFields:
    return contact_fields(
        contact.get("name"), contact.get("phone_number"), contact.get("lid"), contact.get("aliases", [])
    )


def with_search_fields(contact: StoredContact) -> StoredContact:
    """The document with its search fields."""
    return {**contact, **search_fields(contact)}


def with_derived_fields(
    contact: StoredContact, changes: ContactChanges, aliases: list[str] | None = None
) -> ContactChanges:
    """The changed fields, and the search fields that the contact has with them and with these aliases added."""
    after: StoredContact = {**contact, **changes}
    if aliases is not None:
        after["aliases"] = list(dict.fromkeys([*after["aliases"], *aliases]))
    return {**changes, **search_fields(after)}


def observation_update(contact: StoredContact, changes: ContactChanges, observation: ContactObservation) -> MongoUpdate:
    """The update that adds what an observation tells about a contact."""
    return {
        "$set": {**with_derived_fields(contact, changes, observation.aliases), "updated_by": observation.cause},
        "$max": {"updated_at": observation.at},
        "$addToSet": {"aliases": {"$each": observation.aliases}},
    }


def if_unchanged(contact: StoredContact) -> MongoQuery:
    """The query for the contact as long as its names and addresses are as they were read."""
    fields = {name: contact.get(name) for name in _INPUTS}
    return {"_id": contact["_id"], **fields}


def without_search_fields(contact: StoredContact) -> StoredContact:
    """The document without its search fields."""
    return cast(StoredContact, {name: value for name, value in contact.items() if name not in SEARCH_FIELDS})


async def make_contacts_searchable(database: Database) -> None:
    """Migration: contacts of earlier versions get the fields. Repeatable; what changes meanwhile gets them anyway."""
    contacts = contacts_of(database)
    query = dict.fromkeys(_INPUTS, 1)
    while (
        found := await contacts.find({"sort_name": None}, query)
        .limit(MIGRATION_BATCH_SIZE)
        .to_list(MIGRATION_BATCH_SIZE)
    ):
        await contacts.bulk_write(
            [UpdateOne(if_unchanged(each), {"$set": search_fields(each)}) for each in found], ordered=False
        )
