"""Recycled phone numbers: WhatsApp accounts of two people that had the same number, one after the other. Pure.

A LID belongs to one account for good. A number is given up and, months later, given to somebody else.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.router.rules.contact_identity import ContactObservation
from services.router.rules.stored_contact import ContactChanges, StoredContact
from shared.contracts.addresses import is_lid_alias, lid_alias, phone_alias, phone_of_alias
from shared.contracts.records import Party
from shared.text.phone_variants import mobile_variant


def former_holder(found: Sequence[StoredContact], observation: ContactObservation) -> StoredContact | None:
    """The contact that had the number before the observed account: it has another LID, and it or the observed account
    has another number as well. Without such a number the new LID is taken for the same person, who registered again."""
    phone, lid = observation.party.phone, observation.party.lid
    if phone is None or lid is None:
        return None
    before, after = _with(found, phone_alias(phone)), _with(found, lid_alias(lid))
    if before is None or before is after or not any(is_lid_alias(alias) for alias in before["aliases"]):
        return None
    moved = _has_another_number(before, phone) or (after is not None and _has_another_number(after, phone))
    return before if moved else None


def is_older_than_former_holder(former: StoredContact, observation: ContactObservation) -> bool:
    """Whether the former holder was observed with the number after this observation: then the number is theirs now."""
    since = former.get("number_at")
    return former.get("phone_number") == observation.party.phone and since is not None and observation.at < since


def with_lid_only(observation: ContactObservation) -> ContactObservation:
    return replace(observation, party=Party(lid=observation.party.lid), same_account_phone=None)


def without_number(contact: StoredContact, phone: str) -> ContactChanges:
    """The fields of the former holder then."""
    aliases = [alias for alias in contact["aliases"] if alias != phone_alias(phone)]
    numbers = [number for alias in aliases if (number := phone_of_alias(alias))]
    changes: ContactChanges = {"aliases": aliases}
    if contact.get("phone_number") == phone:
        changes["phone_number"] = numbers[-1] if numbers else None
        changes["number_at"] = None
    return changes


def _with(found: Sequence[StoredContact], alias: str) -> StoredContact | None:
    return next((contact for contact in found if alias in contact["aliases"]), None)


def _has_another_number(contact: StoredContact, phone: str) -> bool:
    number = contact.get("phone_number")
    return number is not None and number not in (phone, mobile_variant(phone))
