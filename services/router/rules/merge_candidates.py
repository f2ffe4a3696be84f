"""Which contacts an observation may merge: never those that a user has split from each other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.router.rules.contact_identity import ContactObservation, merge_target
from shared.contracts.records import Party

ContactDocument = Mapping[str, Any]


def merge_candidates(found: Sequence[ContactDocument], observation: ContactObservation) -> list[ContactDocument]:
    """The contact that has the observed number (else the oldest), and all others that were not split from it."""
    number = f"phone:{observation.party.phone}"
    main = next((contact for contact in found if number in contact["aliases"]), None) or merge_target(found)
    return [contact for contact in found if contact is main or not _apart(contact, main)]


def without_foreign_addresses(
    contact: ContactDocument, found: Sequence[ContactDocument], observation: ContactObservation
) -> ContactObservation:
    """The observation without the addresses of contacts that were split from this one."""
    foreign = {alias for other in found if other is not contact for alias in other["aliases"]}
    phone, lid = observation.party.phone, observation.party.lid
    left = {
        "phone": None if f"phone:{phone}" in foreign else phone,
        "lid": None if f"lid:{lid}" in foreign else lid,
    }
    party = Party(**left) if any(left.values()) else observation.party
    return replace(
        observation,
        party=party,
        same_account_phone=None
        if f"phone:{observation.same_account_phone}" in foreign
        else observation.same_account_phone,
    )


def _apart(one: ContactDocument, other: ContactDocument) -> bool:
    return other["_id"] in one.get("apart_from", ()) or one["_id"] in other.get("apart_from", ())
