"""Which contacts an observation may merge: never those that a user has split from each other; and whether a user is
warned who merges two. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from services.router.rules.contact_identity import ContactObservation, merge_target
from services.router.rules.stored_contact import StoredContact
from shared.contracts.addresses import lid_alias, phone_alias
from shared.contracts.records import Contact, Party
from shared.text.phone_variants import mobile_variant


def merge_candidates(found: Sequence[StoredContact], observation: ContactObservation) -> list[StoredContact]:
    """The contact that has the observed number (else the oldest), and all others that were not split from it."""
    phone = observation.party.phone
    main = next((contact for contact in found if phone and phone_alias(phone) in contact["aliases"]), None)
    main = main or merge_target(found)
    return [contact for contact in found if contact is main or not _apart(contact, main)]


def without_foreign_addresses(
    contact: StoredContact, found: Sequence[StoredContact], observation: ContactObservation
) -> ContactObservation:
    """The observation without the addresses of contacts that were split from this one."""
    foreign = {alias for other in found if other is not contact for alias in other["aliases"]}
    phone, lid, other = observation.party.phone, observation.party.lid, observation.same_account_phone
    own = {
        "phone": phone if phone and phone_alias(phone) not in foreign else None,
        "lid": lid if lid and lid_alias(lid) not in foreign else None,
    }
    return replace(
        observation,
        party=Party(**own) if any(own.values()) else observation.party,
        same_account_phone=other if other and phone_alias(other) not in foreign else None,
    )


def numbers_of_both(one: Contact, other: Contact) -> tuple[str, str] | None:
    """When each has a number of its own: whoever writes to the merged contact reaches one of them, the one that wrote
    last when the LIDs of both are known (`contact_changes`), else the first."""
    numbers = one.phone_number, other.phone_number
    if numbers[0] is None or numbers[1] is None or numbers[0] in (numbers[1], mobile_variant(numbers[1])):
        return None
    return numbers[0], numbers[1]


def _apart(one: StoredContact, other: StoredContact) -> bool:
    return other["_id"] in one.get("apart_from", ()) or one["_id"] in other.get("apart_from", ())
