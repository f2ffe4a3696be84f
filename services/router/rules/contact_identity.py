"""Who is this: phone and LID are aliases of one contact, and a contact is never split. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.ids import derived_id
from shared.contracts.records import Contact, Party
from shared.text.phone_variants import mobile_variant


@dataclass(frozen=True)
class ContactObservation:
    """A person met in a message: addresses, the name they gave themselves, by which event, when.

    also: another spelling of the number that, as WhatsApp said, belongs to the same account. answered: whether WhatsApp
    did say, None when there was nothing to ask.
    """

    organization_id: str
    party: Party
    name: str | None
    cause: str
    at: datetime
    same_account_phone: str | None = None
    variant_checked: bool | None = None

    @property
    def aliases(self) -> list[str]:
        """All keys the contact is found by."""
        return self.party.aliases + ([f"phone:{self.same_account_phone}"] if self.same_account_phone else [])

    @property
    def contact_id(self) -> str:
        """The id a contact gets when this sighting is the first: the same again on redelivery."""
        return derived_id("contact", self.cause)


def new_contact(observation: ContactObservation) -> Contact:
    """The contact this sighting creates."""
    return Contact(
        id=observation.contact_id,
        organization_id=observation.organization_id,
        phone_number=observation.party.phone,
        lid=observation.party.lid,
        name=observation.name,
        created_at=observation.at,
        updated_at=observation.at,
    )


def contact_changes(contact: Mapping[str, Any], observation: ContactObservation) -> dict[str, Any]:
    """The fields a sighting adds to a stored contact; empty when it tells nothing new.

    An address once known is kept: a person who changed the number is known by the LID, and the new number joins the
    aliases and is shown. Of two names, and of two numbers, the one seen later counts, whichever arrives first.
    """
    found: dict[str, Any] = {}
    if observation.party.lid and not _known(contact, "lid", observation.party.lid):
        found["lid"] = observation.party.lid
    if observation.party.phone and (
        not _known(contact, "phone_number", observation.party.phone) or _moved_back(contact, observation)
    ):
        found.update(phone_number=observation.party.phone, number_at=observation.at)
    new_spelling = observation.same_account_phone and not _known(
        contact, "phone_number", observation.same_account_phone
    )
    if new_spelling or (
        observation.variant_checked is not None and observation.variant_checked is bool(contact.get("unasked"))
    ):
        found["unasked"] = not observation.variant_checked
    if (
        observation.name
        and observation.name != contact.get("name")
        and _is_newest(contact.get("named_at"), observation.at)
    ):
        found.update(name=observation.name, named_at=observation.at)
    return found


def _moved_back(contact: Mapping[str, Any], observation: ContactObservation) -> bool:
    """The account has a number again that it had before."""
    since, number = contact.get("number_at"), contact.get("phone_number")
    if (
        since is None
        or observation.at <= since
        or number is None
        or f"lid:{observation.party.lid}" not in contact["aliases"]
    ):
        return False
    return observation.party.phone not in (number, mobile_variant(number))


def _is_newest(named_at: datetime | None, at: datetime) -> bool:
    return named_at is None or at >= named_at


def _known(contact: Mapping[str, Any], field: str, value: str) -> bool:
    prefix = "phone" if field == "phone_number" else "lid"
    return f"{prefix}:{value}" in contact["aliases"]


def merge_target(contacts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of several contacts that turned out to be one person, the one that stays: the oldest, then the smallest id."""
    return min(contacts, key=lambda contact: (contact["created_at"], contact["_id"]))
