"""A message arrived, whatever it tells: who is it from, what does it open, where does it belong."""

import asyncio
from typing import Any

from services.router.context import Context
from services.router.handlers.contact_checks import require_still
from services.router.handlers.contact_resolution import meet_sender
from services.router.handlers.conversation_commands import tell_reopened
from services.router.handlers.message_revisions import name_target
from services.router.handlers.message_status import apply_early_receipts
from services.router.handlers.quoted_messages import tell_quoted, with_target
from services.router.rules.booking_policy import Step, attached, step_of
from services.router.rules.booking_status import booking_id, new_booking
from services.router.rules.classification import PLACEHOLDERS, Filing, address_of, file_message
from services.router.rules.contact_identity import Sighting
from services.router.rules.message_keys import MessageKey, key_of, record_id
from services.router.store.contacts import Known
from services.router.store.conversations import conversation_id
from services.router.store.instance_directory import Owner
from services.router.store.split_late_writes import Written
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


async def on_message(event: MessageReceived, context: Context) -> None:
    """Store and publish; the same again on redelivery, whatever was done before a crash."""
    store = context.store
    owner = await store.accounts.owner(event.organization_id)
    filing = file_message(event, owner.aliases)
    seen = sighting_of(event, filing)
    known = await _find(seen, context)
    unwanted = is_unwanted(filing, owner)
    if unwanted or (seen and not known):  # then it matters who the owners are at this moment, and what they want
        owner = await store.accounts.owner(event.organization_id, fresh=True)
        filing = file_message(event, owner.aliases)
        seen = sighting_of(event, filing)
        known = await meet_sender(seen, event.instance_id, context) if seen else None
    key = key_of(event, known.contact if known else None)
    existing = await store.messages.same_as(key)
    if is_unwanted(filing, owner) and not existing:
        return
    if seen and known:  # before anything ends this: the event may be what merged two contacts
        existing = await _gather_pieces(seen, known, existing, context)
    if _is_outdated(event, existing):
        return
    placeholder = existing if existing and existing.type in PLACEHOLDERS and event.type not in PLACEHOLDERS else None
    existing = None if placeholder else existing
    new = record_of(event, filing, owner, known, placeholder.id if placeholder else None)
    message = existing or await name_target(new, event, filing, context)
    message, opened = await _book(message, existing, known, step_for(message, filing, known, owner.settings), context)
    # who answers at once must find the conversation; one that is there can be brought up to date meanwhile
    begins = message.conversation_id is not None and not store.conversations.is_known(message.conversation_id)
    # stored first: a conversation that a merge has just removed comes back only with a message that will follow it
    message = await _keep(message, existing or placeholder, key, context)
    message = await with_target(message, event, filing, context)
    await _show(message, context, when=begins)
    if message.direction == "outbound":
        message = await apply_early_receipts(message, context)
    ended = await store.bookings.cancelled_by(known.contact.id, event.id) if known and known.merged_ids else []
    events = events_of(event, known, [*ended, *([opened] if opened else [])], message)
    if known and known.former_holder_ids:
        events = [*await _former_holders(event, known, context), *events]
    await asyncio.gather(context.publish(*events), _show(message, context, when=not begins))
    await tell_quoted([message], context)
    if message.direction == "inbound":
        await tell_reopened(message, event, context)
    if seen and known and not (existing and known.apart_ids):  # otherwise it was put right just now
        await require_still(Written(known.contact.id, seen.aliases[0]), context)


async def _former_holders(event: MessageReceived, known: Known, context: Context) -> list[Event]:
    """Contacts whose number is this one's now."""
    found = [await context.store.contacts.by_id(event.organization_id, one) for one in known.former_holder_ids]
    common: dict[str, Any] = {"organization_id": event.organization_id, "cause": event.id}
    common["instance_id"] = event.instance_id
    return [ContactUpdated(id=derived_id(event.id, "former", one.id), contact=one, **common) for one in found if one]


async def _find(seen: Sighting | None, context: Context) -> Known | None:
    return await context.store.contacts.find(seen) if seen else None


async def _gather_pieces(
    seen: Sighting, known: Known, existing: MessageRecord | None, context: Context
) -> MessageRecord | None:
    """What others wrote for a contact while it was merged away, or split, follows it. The message as it is then."""
    old = existing.contact_id if existing else None
    apart = old not in (None, known.contact.id) and not await context.store.contacts.is_there(str(old))
    strays = [*(known.absorbed_ids if existing else known.merged_ids)]
    strays += [str(existing.contact_id)] if existing and apart else []
    for old_id in dict.fromkeys(strays):
        await context.store.contacts.adopt(seen, old_id, known.contact.id)
    if existing and known.apart_ids:
        await context.store.partings.put_right(known.contact.id, known.apart_ids, seen.at, seen.cause)
    return await context.store.messages.by_id(existing.id) if existing and (strays or known.apart_ids) else existing


def _is_outdated(event: MessageReceived, existing: MessageRecord | None) -> bool:
    """A placeholder of a message that was readable in the end."""
    return event.type in PLACEHOLDERS and existing is not None and existing.type not in PLACEHOLDERS


def is_unwanted(filing: Filing, owner: Owner) -> bool:
    return filing.kind == "note" and owner.settings.owner_messages is OwnerMessages.IGNORE


def sighting_of(event: MessageReceived, filing: Filing) -> Sighting | None:
    if filing.party is None:
        return None
    return Sighting(event.organization_id, filing.party, filing.name, event.id, event.at)


def record_of(
    event: MessageReceived, filing: Filing, owner: Owner, known: Known | None, stored_as: str | None = None
) -> MessageRecord:
    """`stored_as`: the id of the record whose place it takes."""
    own = owner.addresses.get(event.instance_id, "")
    other = event.group or (address_of(filing.party) if filing.party else own)
    outbound = filing.direction == "outbound"
    return MessageRecord(
        id=stored_as or record_id(event),
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        wa_id=event.wa_id,
        kind=filing.kind,
        direction=filing.direction,
        origin=filing.origin,
        contact_id=known.contact.id if known else None,
        conversation_id=conversation_id(event.instance_id, known.contact.id) if known else None,
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


def step_for(message: MessageRecord, filing: Filing, known: Known | None, settings: OrganizationSettings) -> Step:
    """A booking this message opened before a redelivery stays its own, whatever the organization wants by now."""
    is_open = bool(known and known.open_booking_ids)
    if not filing.opens_booking:
        return attached(is_open=is_open)
    if known and booking_id(message.id) in (message.booking_id, *known.open_booking_ids):
        return Step.OPEN
    if not (filing.has_words or settings.bookings_without_words):
        return attached(is_open=is_open)
    return step_of(settings, message.text, message.timestamp, is_open=is_open)


async def _book(
    message: MessageRecord, existing: MessageRecord | None, known: Known | None, step: Step, context: Context
) -> tuple[MessageRecord, Booking | None]:
    """The message with its booking, and that booking when this very message opened it."""
    if known is None:
        return message, None
    mine = booking_id(message.id)
    if existing and existing.booking_id != mine:
        return existing, None
    if step in (Step.ATTACH, Step.NONE):
        return message.model_copy(update={"booking_id": known.open_booking_id}), None
    new = new_booking(message, known.contact.id, context.now())
    try:
        booking = await context.store.bookings.open_once(new, apart=step is Step.OPEN_ANOTHER)
    except DuplicateKeyError as error:
        raise Retry("the contact's booking was closed just now") from error
    return message.model_copy(update={"booking_id": booking.id}), booking if booking.id == mine else None


async def _keep(
    message: MessageRecord, stored: MessageRecord | None, key: MessageKey, context: Context
) -> MessageRecord:
    """As it is stored then: a readable copy stands where its placeholder stood, and a message that was stored meanwhile
    keeps its order key, though this repeat arrived later."""
    if stored is None:
        return await _add(message, key, context)
    if stored is not message and stored.type in PLACEHOLDERS:
        return await context.store.revisions.reveal(stored.id, message)
    return message


async def _add(message: MessageRecord, key: MessageKey, context: Context) -> MessageRecord:
    try:
        stored = await context.store.messages.add(message, key.other_party)
        return message.model_copy(update={"order_key": stored.order_key})
    except DuplicateKeyError as error:
        if await context.store.messages.same_as(key):
            raise Retry("the message was stored just now as it arrived under another address") from error
        raise


async def _show(message: MessageRecord, context: Context, *, when: bool) -> None:
    if message.conversation_id and when:
        await context.store.conversations.show(message)


def events_of(
    event: MessageReceived, known: Known | None, bookings: list[Booking], message: MessageRecord
) -> list[Event]:
    """In the order a reader wants them: who, what for, what."""
    common: dict[str, Any] = {
        "organization_id": event.organization_id,
        "instance_id": event.instance_id,
        "cause": event.id,
    }
    found: list[Event] = []
    if known and known.created:
        found.append(ContactCreated(id=derived_id(event.id, "contact"), contact=known.contact, **common))
    elif known and known.updated:
        found.append(
            ContactUpdated(
                id=derived_id(event.id, "contact"), contact=known.contact, merged_ids=known.merged_ids, **common
            )
        )
    for booking in bookings:
        if booking.opened_by == message.id:
            found.append(BookingCreated(id=derived_id(message.id, "booking-created"), booking=booking, **common))
        else:
            found.append(BookingUpdated(id=derived_id(event.id, booking.id), booking=booking, **common))
    what = ("recorded", event.type) if event.type in PLACEHOLDERS else ("recorded",)
    return [*found, MessageRecorded(id=derived_id(message.id, *what), message=message, **common)]
