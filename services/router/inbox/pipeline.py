"""A message arrived, whatever it tells: who is it from, what does it open, where does it belong."""

import asyncio
from typing import Any

from services.router.context import RouterContext
from services.router.handlers.contact_checks import require_current_contact
from services.router.handlers.contact_resolution import resolve_sender
from services.router.handlers.conversation_commands import publish_reopened
from services.router.handlers.message_revisions import with_quoted_message
from services.router.handlers.message_status import apply_early_receipts
from services.router.handlers.quoted_messages import publish_resolved_quotes, with_late_quoted_message
from services.router.rules.booking_policy import BookingAction, attach_if_open, booking_action
from services.router.rules.booking_status import booking_from_message, booking_id
from services.router.rules.classification import PLACEHOLDER_TYPES, MessageClassification, address_of, classify
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.message_keys import MessageKey, message_key, record_id
from services.router.store.contacts import ResolvedContact
from services.router.store.conversations import conversation_id
from services.router.store.instance_directory import OrganizationProfile
from services.router.store.split_late_writes import ContactWrite
from shared.contracts.errors import Retry
from shared.contracts.events import (
    BookingCreated,
    BookingUpdated,
    ContactCreated,
    ContactUpdated,
    MessageReceived,
    MessageRecorded,
)
from shared.contracts.ids import derived_id
from shared.contracts.message import Event
from shared.contracts.order_keys import key_at
from shared.contracts.records import Booking, MessageRecord, MessageStatus, OrganizationSettings, OwnerMessages
from shared.platform.mongo import DuplicateKeyError


async def on_message(event: MessageReceived, context: RouterContext) -> None:
    """Store and publish; the same again on redelivery, whatever was done before a crash."""
    store = context.store
    profile = await store.instances.profile(event.organization_id)
    classification = classify(event, profile.aliases)
    observation = sighting_of(event, classification)
    resolved = await _find(observation, context)
    unwanted = is_unwanted(classification, profile)
    if unwanted or (
        observation and not resolved
    ):  # then it matters who the owners are at this moment, and what they want
        profile = await store.instances.profile(event.organization_id, fresh=True)
        classification = classify(event, profile.aliases)
        observation = sighting_of(event, classification)
        resolved = await resolve_sender(observation, event.instance_id, context) if observation else None
    key = message_key(event, resolved.contact if resolved else None)
    existing = await store.messages.by_key(key)
    if is_unwanted(classification, profile) and not existing:
        return
    if observation and resolved:  # before anything ends this: the event may be what merged two contacts
        existing = await _gather_pieces(observation, resolved, existing, context)
    if _is_outdated(event, existing):
        return
    placeholder = (
        existing if existing and existing.type in PLACEHOLDER_TYPES and event.type not in PLACEHOLDER_TYPES else None
    )
    existing = None if placeholder else existing
    new = record_of(event, classification, profile, resolved, placeholder.id if placeholder else None)
    message = existing or await with_quoted_message(new, event, classification, context)
    message, opened = await _book(
        message, existing, resolved, step_for(message, classification, resolved, profile.settings), context
    )
    # who answers at once must find the conversation; one that is there can be brought up to date meanwhile
    begins = message.conversation_id is not None and not store.conversations.is_known_to_exist(message.conversation_id)
    # stored first: a conversation that a merge has just removed comes back only with a message that will follow it
    message = await _keep(message, existing or placeholder, key, context)
    message = await with_late_quoted_message(message, event, classification, context)
    await _show(message, context, when=begins)
    if message.direction == "outbound":
        message = await apply_early_receipts(message, context)
    ended = await store.bookings.cancelled_by(resolved.contact.id, event.id) if resolved and resolved.merged_ids else []
    events = events_of(event, resolved, [*ended, *([opened] if opened else [])], message)
    if resolved and resolved.former_holder_ids:
        events = [*await _former_holders(event, resolved, context), *events]
    await asyncio.gather(context.publish(*events), _show(message, context, when=not begins))
    await publish_resolved_quotes([message], context)
    if message.direction == "inbound":
        await publish_reopened(message, event, context)
    if observation and resolved and not (existing and resolved.split_ids):  # otherwise it was put right just now
        await require_current_contact(ContactWrite(resolved.contact.id, observation.aliases[0]), context)


async def _former_holders(event: MessageReceived, resolved: ResolvedContact, context: RouterContext) -> list[Event]:
    """Contacts whose number is this one's now."""
    found = [await context.store.contacts.by_id(event.organization_id, one) for one in resolved.former_holder_ids]
    common: dict[str, Any] = {"organization_id": event.organization_id, "cause": event.id}
    common["instance_id"] = event.instance_id
    return [ContactUpdated(id=derived_id(event.id, "former", one.id), contact=one, **common) for one in found if one]


async def _find(observation: ContactObservation | None, context: RouterContext) -> ResolvedContact | None:
    return await context.store.contacts.find_unchanged(observation) if observation else None


async def _gather_pieces(
    observation: ContactObservation, resolved: ResolvedContact, existing: MessageRecord | None, context: RouterContext
) -> MessageRecord | None:
    """What others wrote for a contact while it was merged away, or split, follows it. The message as it is then."""
    old = existing.contact_id if existing else None
    apart = old not in (None, resolved.contact.id) and not await context.store.contacts.exists(str(old))
    strays = [*(resolved.absorbed_ids if existing else resolved.merged_ids)]
    strays += [str(existing.contact_id)] if existing and apart else []
    for old_id in dict.fromkeys(strays):
        await context.store.contacts.reassign(observation, old_id, resolved.contact.id)
    if existing and resolved.split_ids:
        await context.store.split_repair.repair(
            resolved.contact.id, resolved.split_ids, observation.at, observation.cause
        )
    return await context.store.messages.by_id(existing.id) if existing and (strays or resolved.split_ids) else existing


def _is_outdated(event: MessageReceived, existing: MessageRecord | None) -> bool:
    """A placeholder of a message that was readable in the end."""
    return event.type in PLACEHOLDER_TYPES and existing is not None and existing.type not in PLACEHOLDER_TYPES


def is_unwanted(classification: MessageClassification, profile: OrganizationProfile) -> bool:
    return classification.kind == "note" and profile.settings.owner_messages is OwnerMessages.IGNORE


def sighting_of(event: MessageReceived, classification: MessageClassification) -> ContactObservation | None:
    if classification.party is None:
        return None
    return ContactObservation(event.organization_id, classification.party, classification.name, event.id, event.at)


def record_of(
    event: MessageReceived,
    classification: MessageClassification,
    profile: OrganizationProfile,
    resolved: ResolvedContact | None,
    stored_as: str | None = None,
) -> MessageRecord:
    """`stored_as`: the id of the record whose place it takes."""
    own = profile.addresses.get(event.instance_id, "")
    other = event.group or (address_of(classification.party) if classification.party else own)
    outbound = classification.direction == "outbound"
    return MessageRecord(
        id=stored_as or record_id(event),
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        wa_id=event.wa_id,
        kind=classification.kind,
        direction=classification.direction,
        origin=classification.origin,
        contact_id=resolved.contact.id if resolved else None,
        conversation_id=conversation_id(event.instance_id, resolved.contact.id) if resolved else None,
        from_address=own if outbound and own else address_of(event.sender),
        to_address=other if outbound else event.group or own,
        group=event.group,
        type=event.type,
        text=event.text,
        media=event.media,
        referral=event.referral,
        quoted_wa_id=event.quoted_wa_id,
        status=MessageStatus.SENT if outbound else MessageStatus.RECEIVED,
        timestamp=event.timestamp,
        order_key=key_at(event.at) if event.order_key is None else event.order_key,
    )


def step_for(
    message: MessageRecord,
    classification: MessageClassification,
    resolved: ResolvedContact | None,
    settings: OrganizationSettings,
) -> BookingAction:
    """A booking this message opened before a redelivery stays its own, whatever the organization wants by now."""
    is_open = bool(resolved and resolved.open_booking_ids)
    if not classification.opens_booking:
        return attach_if_open(is_open=is_open)
    if resolved and booking_id(message.id) in (message.booking_id, *resolved.open_booking_ids):
        return BookingAction.OPEN
    if not (classification.has_words or settings.bookings_without_words):
        return attach_if_open(is_open=is_open)
    return booking_action(settings, message.text, message.timestamp, is_open=is_open)


async def _book(
    message: MessageRecord,
    existing: MessageRecord | None,
    resolved: ResolvedContact | None,
    action: BookingAction,
    context: RouterContext,
) -> tuple[MessageRecord, Booking | None]:
    """The message with its booking, and that booking when this very message opened it."""
    if resolved is None:
        return message, None
    mine = booking_id(message.id)
    if existing and existing.booking_id != mine:
        return existing, None
    if action in (BookingAction.ATTACH, BookingAction.NONE):
        return message.model_copy(update={"booking_id": resolved.open_booking_id}), None
    new = booking_from_message(message, resolved.contact.id, context.now())
    try:
        booking = await context.store.bookings.open_once(new, parallel=action is BookingAction.OPEN_PARALLEL)
    except DuplicateKeyError as error:
        raise Retry("the contact's booking was closed just now") from error
    return message.model_copy(update={"booking_id": booking.id}), booking if booking.id == mine else None


async def _keep(
    message: MessageRecord, stored: MessageRecord | None, key: MessageKey, context: RouterContext
) -> MessageRecord:
    """As it is stored then: a readable copy stands where its placeholder stood, and a message that was stored meanwhile
    keeps its order key, though this repeat arrived later."""
    if stored is None:
        return await _add(message, key, context)
    if stored is not message and stored.type in PLACEHOLDER_TYPES:
        return await context.store.revisions.reveal(stored.id, message)
    return message


async def _add(message: MessageRecord, key: MessageKey, context: RouterContext) -> MessageRecord:
    try:
        stored = await context.store.messages.add(message, key.other_party)
        return message.model_copy(update={"order_key": stored.order_key})
    except DuplicateKeyError as error:
        if await context.store.messages.by_key(key):
            raise Retry("the message was stored just now as it arrived under another address") from error
        raise


async def _show(message: MessageRecord, context: RouterContext, *, when: bool) -> None:
    if message.conversation_id and when:
        await context.store.conversations.add_message(message)


def events_of(
    event: MessageReceived, resolved: ResolvedContact | None, bookings: list[Booking], message: MessageRecord
) -> list[Event]:
    """In the order a reader wants them: who, what for, what."""
    common: dict[str, Any] = {
        "organization_id": event.organization_id,
        "instance_id": event.instance_id,
        "cause": event.id,
    }
    found: list[Event] = []
    if resolved and resolved.created:
        found.append(ContactCreated(id=derived_id(event.id, "contact"), contact=resolved.contact, **common))
    elif resolved and resolved.updated:
        found.append(
            ContactUpdated(
                id=derived_id(event.id, "contact"), contact=resolved.contact, merged_ids=resolved.merged_ids, **common
            )
        )
    for booking in bookings:
        if booking.opened_by == message.id:
            found.append(BookingCreated(id=derived_id(message.id, "booking-created"), booking=booking, **common))
        else:
            found.append(BookingUpdated(id=derived_id(event.id, booking.id), booking=booking, **common))
    what = ("recorded", event.type) if event.type in PLACEHOLDER_TYPES else ("recorded",)
    return [*found, MessageRecorded(id=derived_id(message.id, *what), message=message, **common)]
