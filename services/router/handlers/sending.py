"""Sends a text: records it as queued, then publishes SendText for the session service of the instance."""

from datetime import datetime

from services.router.context import RouterContext
from services.router.handlers.contact_checks import require_current_contact
from services.router.handlers.contact_resolution import check_recipient_number, resolve_recipient
from services.router.handlers.message_status import status_changed_event
from services.router.handlers.rejections import rejecting_with_event
from services.router.handlers.send_deduplication import SendRecord, require_same_send, with_claimed_id
from services.router.handlers.status_locks import locked_send, locked_status
from services.router.rules.classification import is_owner
from services.router.rules.contact_identity import ContactObservation, conversation_id
from services.router.rules.send_checks import (
    SenderInstance,
    choose_instance,
    parse_recipient,
    require_pending_capacity,
    require_recipient,
    require_text,
    send_expiry,
    send_fingerprint,
)
from services.router.store.split_late_writes import ContactWrite
from shared.contracts.addresses import alias_of_address
from shared.contracts.commands import SendMessage, SendText
from shared.contracts.errors import Problem
from shared.contracts.events import ContactCreated, MessageRecorded
from shared.contracts.ids import NO_INSTANCE, derived_id
from shared.contracts.records import Contact, MessageRecord, MessageStatus, Party
from shared.platform.background import run_together


async def on_send(command: SendMessage, context: RouterContext) -> None:
    """Repeatable: a message id is recorded once, and its SendText always has the same id.

    Whether the message was recorded before shows when it is inserted."""
    async with rejecting_with_event(command, context):
        require_text(command.text)
        command = await with_claimed_id(command, context)
        async with locked_send(command.message_id, context):
            try:
                existing = await _send(command, context)
            except Problem:  # a message that was accepted before is not refused now
                existing = await context.store.messages.by_id(command.message_id)
                if existing is None:
                    raise
            if existing:
                await _repeat(command, existing, context)


async def _repeat(command: SendMessage, existing: MessageRecord, context: RouterContext) -> None:
    earlier = await require_same_send(command, existing, context)
    contact, existing = await _contact(command, existing, context)
    if earlier.is_redelivery or existing.status is MessageStatus.QUEUED:  # a crash may have left the rest undone
        party = contact.party if contact else parse_recipient(existing.to_address)
        text = _send_text(existing, party, earlier.expires_at)
        await _show_and_send(command, existing, contact, text, context)
    async with locked_status([existing.id], context):
        existing = await context.store.messages.by_id(existing.id) or existing
        await context.publish(status_changed_event(existing, command, repeat=True))
    await _require_current_contact(contact, existing, context)


async def _send(command: SendMessage, context: RouterContext) -> MessageRecord | None:
    """Returns the message when one of this id was recorded before, else None."""
    recipient, instance_id = await _recipient(command, context)
    instance = await _instance(command, instance_id, context)
    await _require_pending_capacity(command.organization_id, instance.instance_id, context)
    with context.store.pending_sends.storing(command.organization_id, instance.instance_id, command.message_id):
        message, party, contact = await _new_message(command, recipient, instance, context)
        stored = await context.store.messages.add(message, party.aliases)
    if stored is not message:
        return stored
    await _show_and_send(command, message, contact, _send_text(message, party, message.expires_at), context)
    await _require_current_contact(contact, message, context)
    return None


async def _new_message(
    command: SendMessage, party: Party, instance: SenderInstance, context: RouterContext
) -> tuple[SendRecord, Party, Contact | None]:
    """The message as it is stored, its recipient, and their contact; None for a note to the owner."""
    profile = await context.store.instances.profile(command.organization_id)
    observation = ContactObservation(command.organization_id, party, None, command.id, command.at)
    if not is_owner(party, profile.aliases):
        observation = await check_recipient_number(observation, instance.instance_id, context)
    resolved = None if is_owner(observation.party, profile.aliases) else await resolve_recipient(observation, context)
    party = resolved.contact.party if resolved else observation.party
    thread = conversation_id(instance.instance_id, resolved.contact.id) if resolved else None
    message = SendRecord(
        id=command.message_id,
        organization_id=command.organization_id,
        instance_id=instance.instance_id,
        kind="message" if resolved else "note",
        direction="outbound",
        origin="api",
        contact_id=resolved.contact.id if resolved else None,
        conversation_id=thread,
        booking_id=resolved.open_booking_id if resolved else None,
        from_address=profile.addresses.get(instance.instance_id, ""),
        to_address=party.address,
        text=command.text,
        status=MessageStatus.QUEUED,
        client_id=command.client_id,
        timestamp=command.at,
        fingerprint=send_fingerprint(command),
        expires_at=send_expiry(command),
        command_id=command.id,
        order_key=await context.store.conversations.next_order_key(thread, command.at),
    )
    return message, party, resolved.contact if resolved else None


async def _show_and_send(
    command: SendMessage, message: MessageRecord, contact: Contact | None, text: SendText, context: RouterContext
) -> None:
    """Repeatable; after a crash in between, the command is delivered again and all of it is done again.

    A conversation that exists is updated while the events are published; a new one before, because a client may open it
    as soon as it has the event. After the message: a conversation that a merge removed is created again only with a
    message that will be moved.
    """
    conversations = context.store.conversations
    add = conversations.add_message(message) if message.conversation_id else None
    if add and not conversations.is_known_to_exist(str(message.conversation_id)):
        await add
        add = None
    publish = _publish_recorded(command, message, contact, context), context.publish(text)
    await run_together(*([add] if add else []), *publish)


async def _require_pending_capacity(organization_id: str, instance_id: str, context: RouterContext) -> None:
    """Raises Problem 429 when too many messages are queued: those of a stuck instance must not pile up."""
    limits = context.pending_limits
    since = context.now() - limits.max_age
    pending = await context.store.pending_sends.count(organization_id, instance_id, since, limits)
    require_pending_capacity(limits, *pending)


async def _instance(command: SendMessage, instance_id: str | None, context: RouterContext) -> SenderInstance:
    """The instance that sends. Only a named one that is connected is taken from memory. Raises Problem."""
    instances = context.store.instances
    if instance_id is not None:
        sender = await instances.connected_sender(command.organization_id, instance_id)
        if sender is not None:
            return sender
    return choose_instance(await instances.active(command.organization_id), instance_id)


async def _require_current_contact(contact: Contact | None, message: MessageRecord, context: RouterContext) -> None:
    """Raises Retry when the contact was merged or split meanwhile."""
    if contact:
        await require_current_contact(ContactWrite(contact.id, alias_of_address(message.to_address)), context)


async def _publish_recorded(
    command: SendMessage, message: MessageRecord, contact: Contact | None, context: RouterContext
) -> None:
    new = [_contact_created(command, contact)] if contact and contact.id == _created_contact_id(command) else []
    await context.publish(*new, _recorded(command, message))


def _created_contact_id(command: SendMessage) -> str:
    """The id of the contact this command creates."""
    return derived_id("contact", command.id)


async def _recipient(command: SendMessage, context: RouterContext) -> tuple[Party, str | None]:
    """The recipient, and the instance when the command or its conversation names one."""
    named = None if command.instance_id == NO_INSTANCE else command.instance_id
    if command.conversation_id is None:
        return parse_recipient(require_recipient(command.to)), named
    found = await context.store.conversations.by_id(command.organization_id, command.conversation_id)
    contact = found and await context.store.contacts.by_id(command.organization_id, found["contact_id"])
    if not found or not contact:
        raise Problem(404, "conversation_not_found", "there is no such conversation in this organization")
    if named not in (None, found["instance_id"]):
        raise Problem(422, "instance_mismatch", "the conversation belongs to another instance than the one named")
    return contact.party, str(found["instance_id"])


async def _contact(
    command: SendMessage, message: MessageRecord, context: RouterContext
) -> tuple[Contact | None, MessageRecord]:
    """The contact of a recorded message, None for a note; and the message, moved if the contact was merged since."""
    if not message.contact_id:
        return None, message
    contacts = context.store.contacts
    observation = ContactObservation(
        message.organization_id, parse_recipient(message.to_address), None, command.id, command.at
    )
    contact = await contacts.by_id(message.organization_id, message.contact_id)
    former_ids = await contacts.absorbed_by(contact.id) if contact else [message.contact_id]
    contact = contact or (await contacts.resolve(observation)).contact
    for old_id in former_ids:
        await contacts.reassign(observation, old_id, contact.id)
    if split_ids := await context.store.split_repair.split_ids_of(contact.id):
        await context.store.split_repair.repair(contact.id, split_ids, command.at, command.id)
    if former_ids or split_ids:
        message = await context.store.messages.by_id(message.id) or message
        contact = await contacts.by_id(message.organization_id, str(message.contact_id)) or contact
    return contact, message


def _contact_created(command: SendMessage, contact: Contact) -> ContactCreated:
    return ContactCreated(
        id=derived_id(command.id, "contact"),
        organization_id=command.organization_id,
        cause=command.id,
        contact=contact,
    )


def _recorded(command: SendMessage, message: MessageRecord) -> MessageRecorded:
    return MessageRecorded(
        id=derived_id(message.id, "recorded"),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        cause=command.id,
        message=message,
    )


def _send_text(message: MessageRecord, to: Party, expires_at: datetime) -> SendText:
    return SendText(
        id=derived_id(message.id, "send"),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        cause=message.id,
        message_id=message.id,
        to=to,
        text=message.text or "",
        expires_at=expires_at,
        order_key=message.order_key,
    )
