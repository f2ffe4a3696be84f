"""Whether two variants of a number are one account: the numbering plan says that they may be, WhatsApp that they are.

Pure."""

from dataclasses import replace

from services.router.rules.contact_identity import ContactObservation
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party
from shared.text.phone_variants import mobile_variant


def variant_of(observation: ContactObservation) -> str | None:
    """The other variant of the person's number, when its numbering plan has one."""
    return mobile_variant(observation.party.phone) if observation.party.phone else None


def with_sender_variant(observation: ContactObservation, other: str, owner: NumberOwner | None) -> ContactObservation:
    """The observation of a sender. `owner`: the account of the other variant; None when WhatsApp could not be asked."""
    if owner is None:
        return replace(observation, variant_checked=False)
    same = owner.phone == observation.party.phone or (owner.lid is not None and owner.lid == observation.party.lid)
    return replace(observation, variant_checked=True, same_account_phone=other if same else None)


def with_recipient_variant(observation: ContactObservation, owner: NumberOwner | None) -> ContactObservation:
    """The observation of a recipient whose number a user typed. `owner`: the account of that number; None when WhatsApp
    could not be asked."""
    typed = observation.party.phone
    if owner is None:
        return replace(observation, variant_checked=False)
    if not (owner.phone or owner.lid):
        return replace(observation, variant_checked=True)  # the send will fail and say so
    party = Party(phone=owner.phone or typed, lid=owner.lid)
    return replace(
        observation, variant_checked=True, party=party, same_account_phone=typed if party.phone != typed else None
    )
