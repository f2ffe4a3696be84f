"""Whether two spellings of a number are one person: the numbering plan gives the hint, WhatsApp the answer. Pure."""

from dataclasses import replace

from services.router.rules.contact_identity import Sighting
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party
from shared.text.phone_variants import mobile_variant


def other_of(seen: Sighting) -> str | None:
    """The other spelling the person's number may have."""
    return mobile_variant(seen.party.phone) if seen.party.phone else None


def told(seen: Sighting, other: str, owner: NumberOwner | None) -> Sighting:
    """Somebody wrote; `owner`: whose the other spelling is, None when WhatsApp could not be asked."""
    if owner is None:
        return replace(seen, answered=False)
    same = owner.phone == seen.party.phone or (owner.lid is not None and owner.lid == seen.party.lid)
    return replace(seen, answered=True, also=other if same else None)


def addressed(seen: Sighting, owner: NumberOwner | None) -> Sighting:
    """Somebody is written to by a number as a person typed it; `owner`: who answers to it."""
    typed = seen.party.phone
    if owner is None:
        return replace(seen, answered=False)
    if not (owner.phone or owner.lid):
        return replace(seen, answered=True)  # the send will fail and say so
    party = Party(phone=owner.phone or typed, lid=owner.lid)
    return replace(seen, answered=True, party=party, also=typed if party.phone != typed else None)
