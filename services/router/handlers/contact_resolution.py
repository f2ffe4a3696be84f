"""Resolves contacts whose number has two variants: WhatsApp says whether both are one account."""

from dataclasses import replace

from services.router.context import RouterContext
from services.router.rules.contact_identity import ContactObservation, ResolvedContact
from services.router.rules.phone_variants import variant_of, with_recipient_variant, with_sender_variant


async def resolve_sender(observation: ContactObservation, instance_id: str, context: RouterContext) -> ResolvedContact:
    """The contact of a sender. Raises DuplicateKeyError after 5 conflicts with others.

    WhatsApp named the sender's number, so it is asked only when another contact has the other variant: checked before
    the contact is stored, and again after it, because two messages may race.
    """
    contacts = context.store.contacts
    observation = await _check_sender_number(observation, instance_id, context)
    resolved = await contacts.resolve(observation)
    if observation.variant_checked and not observation.same_account_phone:
        again = await _check_sender_number(observation, instance_id, context)
        resolved = await contacts.resolve(again) if again.same_account_phone or not again.variant_checked else resolved
    return resolved


async def check_recipient_number(
    observation: ContactObservation, instance_id: str, context: RouterContext
) -> ContactObservation:
    """For a number that a user typed: WhatsApp may know the account by the other variant."""
    number = observation.party.phone
    if number is None or variant_of(observation) is None:
        return observation
    contacts = context.store.contacts
    if contacts.recent(observation) or await contacts.is_variant_checked(observation.organization_id, number):
        return observation
    meant = with_recipient_variant(
        observation, await context.find_number_owner(observation.organization_id, instance_id, number)
    )
    right = meant.variant_checked and meant.party.phone == number  # another contact may still have the other variant
    return await _check_sender_number(meant, instance_id, context) if right else meant


async def resolve_recipient(observation: ContactObservation, context: RouterContext) -> ResolvedContact:
    """The contact of a recipient, which may have been read some seconds ago. When WhatsApp could not be asked, it is
    asked at the next message of the contact that has the other variant."""
    if observation.variant_checked is None and (recent := context.store.contacts.recent(observation)):
        return recent
    resolved = await context.store.contacts.resolve(observation)
    for old_id in resolved.merged_ids:  # what was stored while the merge committed
        await context.store.contacts.reassign(observation, old_id, resolved.contact.id)
    if observation.variant_checked is False and (other := variant_of(observation)):
        await context.store.contacts.mark_variant_unchecked(observation.organization_id, other)
    return resolved


async def _check_sender_number(
    observation: ContactObservation, instance_id: str, context: RouterContext
) -> ContactObservation:
    other = variant_of(observation)
    if other is None:
        return observation
    if not await context.store.contacts.is_held_by_another(observation, other):
        return replace(observation, variant_checked=True)
    return with_sender_variant(
        observation, other, await context.find_number_owner(observation.organization_id, instance_id, other)
    )
