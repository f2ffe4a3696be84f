"""Who is behind a number that has two spellings: asked of WhatsApp, only for somebody new whose number has them."""

from dataclasses import replace

from services.router.context import RouterContext
from services.router.rules.contact_identity import ContactObservation, ResolvedContact
from services.router.rules.phone_variants import variant_of, with_recipient_variant, with_sender_variant


async def resolve_sender(observation: ContactObservation, instance_id: str, context: RouterContext) -> ResolvedContact:
    """The contact of somebody who wrote. WhatsApp named him, so there is a question only when somebody is known by the
    other spelling: looked up before, and once more after the contact was stored, in case both came at once."""
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
    """A person typed the number: WhatsApp may know the account by the other spelling."""
    number = observation.party.phone
    if number is None or variant_of(observation) is None:
        return observation
    if await context.store.contacts.is_variant_checked(observation.organization_id, number):
        return observation
    meant = with_recipient_variant(
        observation, await context.find_number_owner(observation.organization_id, instance_id, number)
    )
    right = (
        meant.variant_checked and meant.party.phone == number
    )  # then somebody may still be known by the other spelling
    return await _check_sender_number(meant, instance_id, context) if right else meant


async def resolve_recipient(observation: ContactObservation, context: RouterContext) -> ResolvedContact:
    """The contact of who is meant; while WhatsApp could not say it, whoever has the other spelling is in doubt."""
    resolved = await context.store.contacts.resolve(observation)
    for old_id in resolved.merged_ids:  # what was stored while the merge committed follows
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
