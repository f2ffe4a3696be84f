"""Typing and online status: published again with the contact of the address, at once or not at all."""

from collections.abc import Awaitable, Callable

from services.router.rules.contact_identity import ContactObservation, conversation_id
from services.router.store import RouterStore
from shared.contracts.ephemeral import ContactPresence, ContactTyping, PresenceObserved, TypingObserved, is_stale
from shared.contracts.message import EphemeralEvent, utc_now

PublishEphemeral = Callable[[EphemeralEvent], Awaitable[None]]


async def on_typing(observed: TypingObserved, store: RouterStore, publish_ephemeral: PublishEphemeral) -> None:
    """Typing in a group belongs to no conversation of the contact."""
    if is_stale(observed, utc_now()):
        return
    contact_id = await _contact_id(observed, store)
    in_conversation = contact_id is not None and observed.group is None
    await publish_ephemeral(
        ContactTyping(
            organization_id=observed.organization_id,
            instance_id=observed.instance_id,
            cause=observed.id,
            at=observed.at,
            contact_id=contact_id,
            conversation_id=conversation_id(observed.instance_id, str(contact_id)) if in_conversation else None,
            from_address=observed.sender.address,
            group=observed.group,
            state=observed.state,
        )
    )


async def on_presence(observed: PresenceObserved, store: RouterStore, publish_ephemeral: PublishEphemeral) -> None:
    if is_stale(observed, utc_now()):
        return
    contact_id = await _contact_id(observed, store)
    await publish_ephemeral(
        ContactPresence(
            organization_id=observed.organization_id,
            instance_id=observed.instance_id,
            cause=observed.id,
            at=observed.at,
            contact_id=contact_id,
            conversation_id=conversation_id(observed.instance_id, contact_id) if contact_id else None,
            from_address=observed.sender.address,
            available=observed.available,
            last_seen=observed.last_seen,
        )
    )


async def _contact_id(observed: TypingObserved | PresenceObserved, store: RouterStore) -> str | None:
    return await store.contacts.only_id(
        ContactObservation(observed.organization_id, observed.sender, None, observed.id, observed.at)
    )
