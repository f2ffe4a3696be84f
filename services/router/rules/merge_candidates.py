"""Which of several contacts one sighting may make one: not those a person has told apart. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.router.rules.contact_identity import Sighting, survivor
from shared.contracts.records import Party

Contact = Mapping[str, Any]


def kindred(found: Sequence[Contact], seen: Sighting) -> list[Contact]:
    """Those that are one person: who has the number that was seen, else the oldest, and all nobody told apart from
    him."""
    number = f"phone:{seen.party.phone}"
    main = next((contact for contact in found if number in contact["aliases"]), None) or survivor(found)
    return [contact for contact in found if contact is main or not _apart(contact, main)]


def as_seen_by(contact: Contact, found: Sequence[Contact], seen: Sighting) -> Sighting:
    """The sighting without the addresses that belong to contacts told apart from this one."""
    foreign = {alias for other in found if other is not contact for alias in other["aliases"]}
    phone, lid = seen.party.phone, seen.party.lid
    left = {
        "phone": None if f"phone:{phone}" in foreign else phone,
        "lid": None if f"lid:{lid}" in foreign else lid,
    }
    party = Party(**left) if any(left.values()) else seen.party
    return replace(seen, party=party, also=None if f"phone:{seen.also}" in foreign else seen.also)


def _apart(one: Contact, other: Contact) -> bool:
    return other["_id"] in one.get("apart_from", ()) or one["_id"] in other.get("apart_from", ())
