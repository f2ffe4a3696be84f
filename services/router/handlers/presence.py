"""Who types or comes online: the contact an address belongs to, told on at once or not at all."""

from collections.abc import Awaitable, Callable

from services.router.rules.classification import address_of
from services.router.rules.contact_identity import Sighting
from services.router.store import Store
from services.router.store.conversations import conversation_id
from shared.contracts.ephemeral import ContactPresence, ContactTyping, PresenceObserved, TypingObserved, is_stale
from shared.contracts.message import EphemeralEvent, utc_now

Say = Callable[[EphemeralEvent], Awaitable[None]]


async def on_typing(seen: TypingObserved, store: Store, publish_ephemeral: Say) -> None:
    """A chat in a group is no conversation of the contact's."""
    if is_stale(seen, utc_now()):
        return
    contact_id = await _contact_id(seen, store)
    talks = contact_id is not None and seen.group is None
    await publish_ephemeral(
        ContactTyping(
            organization_id=seen.organization_id,
            instance_id=seen.instance_id,
            cause=seen.id,
            at=seen.at,
            contact_id=contact_id,
            conversation_id=conversation_id(seen.instance_id, str(contact_id)) if talks else None,
            from_address=address_of(seen.sender),
            group=seen.group,
            state=seen.state,
        )
    )


async def on_presence(seen: PresenceObserved, store: Store, publish_ephemeral: Say) -> None:
    if is_stale(seen, utc_now()):
        return
    contact_id = await _contact_id(seen, store)
    await publish_ephemeral(
        ContactPresence(
            organization_id=seen.organization_id,
            instance_id=seen.instance_id,
            cause=seen.id,
            at=seen.at,
            contact_id=contact_id,
            conversation_id=conversation_id(seen.instance_id, contact_id) if contact_id else None,
            from_address=address_of(seen.sender),
            available=seen.available,
            last_seen=seen.last_seen,
        )
    )


async def _contact_id(seen: TypingObserved | PresenceObserved, store: Store) -> str | None:
    return await store.contacts.only_id(Sighting(seen.organization_id, seen.sender, None, seen.id, seen.at))
