"""Writes and publishes planned records: the message before its conversation, the conversation before its events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.router.context import RouterContext
from services.router.handlers.conversation_commands import publish_reopened
from services.router.handlers.message_status import apply_early_receipts
from services.router.handlers.quoted_messages import publish_resolved_quotes, with_late_target
from services.router.inbox.recorded_events import events_of
from services.router.inbox.steps import Record, Revise, Write
from services.router.rules.contact_identity import ResolvedContact
from services.router.store.split_late_writes import ContactWrite
from shared.contracts.errors import Retry
from shared.contracts.events import MessageReceived, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.message import Event
from shared.contracts.records import Booking, Contact, MessageRecord
from shared.contracts.request_id import bound_request_id
from shared.platform.background import run_together
from shared.platform.mongo import DuplicateKeyError


class Conflict(Retry):
    """What the plan was made of has changed meanwhile: load and plan again."""


@dataclass(frozen=True)
class StoredRecord:
    """`message`: as it is stored. `opened`: the booking that this message opened."""

    record: Record
    message: MessageRecord
    opened: Booking | None = None

    @property
    def write(self) -> ContactWrite | None:
        """Its contact and the address by which the contact was chosen, unless a repair of splits just checked both."""
        record = self.record
        if record.observation is None or record.contact is None:
            return None
        if record.write is Write.NONE and record.contact.split_ids:
            return None
        return ContactWrite(record.contact.contact.id, record.observation.aliases[0])


async def store_bulk(records: Sequence[Record], context: RouterContext) -> list[StoredRecord | Exception]:
    """Insert all in one round trip; DuplicateKeyError for those that are stored already."""
    errors = await context.store.messages.insert_new([(one.message, one.key.other_party) for one in records])
    return [error or StoredRecord(one, one.message) for one, error in zip(records, errors, strict=True)]


async def store_record(record: Record, context: RouterContext) -> StoredRecord:
    """The booking first: who reads the message finds its booking."""
    message, opened = record.message, None
    if record.booking:
        try:
            booking = await context.store.bookings.open_once(record.booking, parallel=record.parallel)
        except DuplicateKeyError as error:
            raise Conflict("the contact's booking was closed just now") from error
        message = message.model_copy(update={"booking_id": booking.id})
        opened = booking if booking.id == record.booking.id else None
    match record.write:
        case Write.INSERT:
            message = await _insert(message, record, context)
        case Write.REVEAL:
            message = await context.store.revisions.reveal(message.id, message)
        case Write.NONE:
            pass
    return StoredRecord(record, message, opened)


async def _insert(message: MessageRecord, record: Record, context: RouterContext) -> MessageRecord:
    """A message that was stored meanwhile keeps its order key, though this repeat arrived later."""
    try:
        stored = await context.store.messages.add(message, record.key.other_party)
    except DuplicateKeyError as error:
        if await context.store.messages.by_key(record.key):
            raise Conflict("the message was stored just now as it arrived under another address") from error
        raise
    return message.model_copy(update={"order_key": stored.order_key})


async def publish_records(stored: Sequence[StoredRecord], context: RouterContext) -> list[Exception | None]:
    """Link quotes, update the conversations and publish the events of what is stored. Repeatable.

    A client may reply as soon as it has the event, so a new conversation is written before the events are published; an
    existing one at the same time. Conflict: the contact was merged or split after the plan was made.
    """
    try:
        stored = await _with_late_targets(stored, context)
        contacts_to_check = await _update_and_publish(stored, context)
        return await _conflicts(stored, contacts_to_check, context)
    except Exception as error:
        return [error] * len(stored)


async def _with_late_targets(stored: Sequence[StoredRecord], context: RouterContext) -> list[StoredRecord]:
    quoting = [one for one in stored if one.message.quoted_wa_id]
    if not quoting:
        return list(stored)
    messages = await asyncio.gather(
        *(with_late_target(one.message, one.record.event, one.record.classification, context) for one in quoting)
    )
    linked = {one.message.id: message for one, message in zip(quoting, messages, strict=True)}
    return [replace(one, message=linked.get(one.message.id, one.message)) for one in stored]


async def _update_and_publish(stored: Sequence[StoredRecord], context: RouterContext) -> set[str]:
    """Returns the ids of contacts that may have been merged into others."""
    conversations = context.store.conversations
    existing: list[StoredRecord] = []
    new: list[StoredRecord] = []
    for one in stored:
        if one.message.conversation_id:
            (existing if conversations.is_known_to_exist(one.message.conversation_id) else new).append(one)
    updates = _Updates()
    await _update_conversations(new, updates, context)
    stored = await _with_early_receipts(stored, context)
    events = await _events(stored, context)
    await run_together(
        context.publish(*events),
        _update_conversations(existing, updates, context),
        publish_resolved_quotes([one.message for one in stored], context),
    )
    inbound = [
        one for one in stored if one.message.id in updates.may_have_reopened and one.message.direction == "inbound"
    ]
    await run_together(*(publish_reopened(one.message, one.record.event, context) for one in inbound))
    return updates.contacts_to_check


@dataclass(frozen=True)
class _Updates:
    """may_have_reopened: ids of messages. contacts_to_check: no matching conversation proved that these exist."""

    may_have_reopened: set[str] = field(default_factory=set)
    contacts_to_check: set[str] = field(default_factory=set)


async def _update_conversations(stored: Sequence[StoredRecord], updates: _Updates, context: RouterContext) -> None:
    """Adds to `updates`."""
    conversations = context.store.conversations
    bulk = [one.message for one in stored if one.record.bulk]
    single = [one for one in stored if not one.record.bulk]
    if bulk:
        result = await conversations.add_messages(bulk)
        updates.may_have_reopened.update(message.id for message in result.may_have_reopened)
        updates.contacts_to_check.update(str(message.contact_id) for message in result.contacts_to_check)
    for one in single:
        await conversations.add_message(one.message)
        updates.may_have_reopened.add(one.message.id)
        if one.record.contact:
            updates.contacts_to_check.add(one.record.contact.contact.id)


async def _with_early_receipts(stored: Sequence[StoredRecord], context: RouterContext) -> list[StoredRecord]:
    outbound = [one for one in stored if one.message.direction == "outbound"]
    if not outbound:
        return list(stored)
    messages = await run_together(*(apply_early_receipts(one.message, context) for one in outbound))
    advanced = {one.message.id: message for one, message in zip(outbound, messages, strict=True)}
    return [replace(one, message=advanced.get(one.message.id, one.message)) for one in stored]


async def _events(stored: Sequence[StoredRecord], context: RouterContext) -> list[Event]:
    events: list[Event] = []
    for one in stored:
        contact = one.record.contact
        cancelled = await _cancelled_bookings(one.record, contact, context) if contact and contact.merged_ids else []
        holders = await _former_holders(contact, context) if contact and contact.former_holder_ids else []
        with bound_request_id(one.record.event.request_id):
            events += events_of(one.record, one.message, one.opened, cancelled, holders)
    return events


async def _cancelled_bookings(record: Record, contact: ResolvedContact, context: RouterContext) -> list[Booking]:
    """Bookings that were closed because this message showed two contacts to be one person."""
    return await context.store.bookings.cancelled_by(contact.contact.id, record.event.id)


async def _former_holders(contact: ResolvedContact, context: RouterContext) -> list[Contact]:
    """Contacts that this message showed to have lost their number."""
    organization_id = contact.contact.organization_id
    holders = [await context.store.contacts.by_id(organization_id, one) for one in contact.former_holder_ids]
    return [holder for holder in holders if holder]


async def _conflicts(
    stored: Sequence[StoredRecord], contacts_to_check: set[str], context: RouterContext
) -> list[Exception | None]:
    writes = [one.write for one in stored]
    written = [write for write in writes if write]
    contact_ids = sorted(contacts_to_check.intersection(write.contact_id for write in written))
    misplaced, exist = await asyncio.gather(
        context.store.split_repair.misplaced_writes(written), context.store.contacts.exist(contact_ids)
    )
    merged = {contact_id for contact_id, exists in zip(contact_ids, exist, strict=True) if not exists}
    context.store.recent_contacts.forget([*merged, *(write.contact_id for write in misplaced)])
    return [
        Conflict("the contact was merged into another, or split, meanwhile")
        if write and (write.contact_id in merged or write in misplaced)
        else None
        for write in writes
    ]


async def apply_revision(event: MessageReceived, step: Revise, context: RouterContext) -> None:
    """Edit or revoke a message. Repeatable. Raises Retry while the conversation does not show the message yet."""
    message = await context.store.revisions.apply(step.target.id, step.change)
    if message.conversation_id and not await context.store.conversations.update_last_message(message):
        raise Retry("the message is not shown yet, or its contact was merged into another just now")
    revised = MessageRevised(
        id=derived_id(event.id, "changed"),
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        cause=event.id,
        message=message,
        change=step.change.kind,
    )
    await context.publish(revised)
