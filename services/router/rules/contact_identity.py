"""Identity of contacts: the phone number and the LID of a person are aliases of one contact. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.rules.contact_names import whatsapp_name
from services.router.rules.stored_contact import ContactChanges, StoredContact
from shared.contracts.addresses import lid_alias, phone_alias
from shared.contracts.ids import derived_id
from shared.contracts.records import Contact, Party
from shared.text.phone_variants import mobile_variant


@dataclass(frozen=True)
class ContactObservation:
    """What an event or command shows of a person: their addresses, the name they chose, which event, and when.

    same_account_phone: the other variant of the number, when WhatsApp says that it belongs to the same account.
    variant_checked: whether WhatsApp could be asked about that variant; None when there was nothing to ask.
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
        """All aliases (`phone:…`, `lid:…`) by which the contact is found."""
        return self.party.aliases + ([phone_alias(self.same_account_phone)] if self.same_account_phone else [])

    @property
    def contact_id(self) -> str:
        """The id of the contact that this observation creates: the same on redelivery."""
        return derived_id("contact", self.cause)


@dataclass(frozen=True)
class ResolvedContact:
    """A contact after an observation. created, updated: by this observation, now or before a redelivery.

    merged_ids: contacts that were merged into it because of this observation. absorbed_ids: all that ever were.
    former_holder_ids: contacts whose number this observation showed to be this contact's. split_ids: contacts that a
    user split from it. open_booking_ids: as read with it, the newest first.
    """

    contact: Contact
    created: bool = False
    updated: bool = False
    merged_ids: tuple[str, ...] = ()
    absorbed_ids: tuple[str, ...] = ()
    former_holder_ids: tuple[str, ...] = ()
    split_ids: tuple[str, ...] = ()
    open_booking_ids: tuple[str, ...] = ()

    @property
    def open_booking_id(self) -> str | None:
        """The one that messages belong to: the newest."""
        return self.open_booking_ids[0] if self.open_booking_ids else None


def conversation_id(instance_id: str, contact_id: str) -> str:
    """An instance and a contact have one conversation, always the same."""
    return derived_id(instance_id, contact_id)


def new_contact(observation: ContactObservation) -> Contact:
    """The contact that this observation creates."""
    return Contact(
        id=observation.contact_id,
        organization_id=observation.organization_id,
        phone_number=observation.party.phone,
        lid=observation.party.lid,
        name=observation.name,
        created_at=observation.at,
        updated_at=observation.at,
    )


def contact_changes(contact: StoredContact, observation: ContactObservation) -> ContactChanges:
    """What an observation changes in a stored contact; empty when it tells nothing new.

    An address stays an alias for good: a person who changed their number is recognised by the LID, and the new number
    becomes an alias and is shown. Of two names, and of two numbers, the one observed later is shown, whichever event
    arrives first; a name that a user gave stays.
    """
    changes: ContactChanges = {}
    party, variant, aliases = observation.party, observation.same_account_phone, contact["aliases"]
    if party.lid and lid_alias(party.lid) not in aliases:
        changes["lid"] = party.lid
    if party.phone and (phone_alias(party.phone) not in aliases or _moved_back(contact, observation)):
        changes["phone_number"] = party.phone
        changes["number_at"] = observation.at
    new_variant = variant and phone_alias(variant) not in aliases
    checked = observation.variant_checked
    if new_variant or (checked is not None and checked is bool(contact.get("unasked"))):
        changes["unasked"] = not checked
    name = observation.name
    if name and name != whatsapp_name(contact) and _is_newest(contact.get("named_at"), observation.at):
        changes["whatsapp_name" if contact.get("given_name") else "name"] = name
        changes["named_at"] = observation.at
    return changes


def _moved_back(contact: StoredContact, observation: ContactObservation) -> bool:
    """The account has got back a number that it had before."""
    since, number = contact.get("number_at"), contact.get("phone_number")
    if (
        since is None
        or observation.at <= since
        or number is None
        or observation.party.lid is None
        or lid_alias(observation.party.lid) not in contact["aliases"]
    ):
        return False
    return observation.party.phone not in (number, mobile_variant(number))


def _is_newest(named_at: datetime | None, at: datetime) -> bool:
    return named_at is None or at >= named_at


def merge_target(contacts: Sequence[StoredContact]) -> StoredContact:
    """Of several contacts of one person the one into which the others are merged: the oldest, then the smallest id."""
    return min(contacts, key=lambda contact: (contact["created_at"], contact["_id"]))
