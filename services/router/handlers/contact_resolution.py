"""Who is behind a number that has two spellings: asked of WhatsApp, only for somebody new whose number has them."""

from dataclasses import replace

from services.router.context import Context
from services.router.rules.contact_identity import Sighting
from services.router.rules.phone_variants import addressed, other_of, told
from services.router.store.contacts import Known


async def meet_sender(seen: Sighting, instance_id: str, context: Context) -> Known:
    """The contact of somebody who wrote. WhatsApp named him, so there is a question only when somebody is known by the
    other spelling: looked up before, and once more after the contact was stored, in case both came at once."""
    contacts = context.store.contacts
    seen = await _who_wrote(seen, instance_id, context)
    known = await contacts.meet(seen)
    if seen.answered and not seen.also:
        again = await _who_wrote(seen, instance_id, context)
        known = await contacts.meet(again) if again.also or not again.answered else known
    return known


async def who_is_meant(seen: Sighting, instance_id: str, context: Context) -> Sighting:
    """A person typed the number: WhatsApp may know the account by the other spelling."""
    number = seen.party.phone
    if number is None or other_of(seen) is None:
        return seen
    if await context.store.contacts.is_settled(seen.organization_id, number):
        return seen
    meant = addressed(seen, await context.whose_number(seen.organization_id, instance_id, number))
    right = meant.answered and meant.party.phone == number  # then somebody may still be known by the other spelling
    return await _who_wrote(meant, instance_id, context) if right else meant


async def meet_recipient(seen: Sighting, context: Context) -> Known:
    """The contact of who is meant; while WhatsApp could not say it, whoever has the other spelling is in doubt."""
    known = await context.store.contacts.meet(seen)
    for old_id in known.merged_ids:  # what was stored while the merge committed follows
        await context.store.contacts.adopt(seen, old_id, known.contact.id)
    if seen.answered is False and (other := other_of(seen)):
        await context.store.contacts.doubt(seen.organization_id, other)
    return known


async def _who_wrote(seen: Sighting, instance_id: str, context: Context) -> Sighting:
    other = other_of(seen)
    if other is None:
        return seen
    if not await context.store.contacts.is_of_another(seen, other):
        return replace(seen, answered=True)
    return told(seen, other, await context.whose_number(seen.organization_id, instance_id, other))
