"""What became of a message of ours: accepted, failed, delivered, read. News may come in any order."""

import asyncio

from services.router.context import Context
from services.router.rules.contacts import Sighting
from services.router.rules.statuses import furthest
from shared.errors import Reject
from shared.events import MessageFailed, MessageSent, MessageStatusChanged, ReceiptReceived
from shared.ids import derived_id
from shared.message import Message
from shared.records import MessageRecord, MessageStatus


async def on_sent(event: MessageSent, context: Context) -> None:
    """WhatsApp's id first: a receipt handler that misses it leaves the receipt where we look next."""
    messages = context.store.messages
    if await messages.set_wa_id(event.organization_id, event.message_id, event.wa_id) is None:
        raise Reject(f"no message {event.message_id} is known")
    message = await messages.advance(event.message_id, MessageStatus.SENT, event.timestamp)
    if message:
        await context.publish(status_changed(await apply_early_receipts(message, context), event))


async def on_failed(event: MessageFailed, context: Context) -> None:
    known = await context.store.messages.by_id(event.message_id)
    if known is None or known.organization_id != event.organization_id:
        raise Reject(f"no message {event.message_id} is known")
    status = MessageStatus.UNCONFIRMED if event.unconfirmed else MessageStatus.FAILED
    message = await context.store.messages.advance(event.message_id, status, event.at, f"{event.code}: {event.detail}")
    await context.publish(status_changed(message or known, event))


async def on_receipt(event: ReceiptReceived, context: Context) -> None:
    """Receipts for messages not known by WhatsApp's id yet are kept first and looked for once more then."""
    store, status = context.store, MessageStatus(event.status)
    organization_id, instance_id = event.organization_id, event.instance_id
    known = await store.messages.sent_as(organization_id, instance_id, event.wa_ids)
    missing = set(event.wa_ids) - {str(message.wa_id) for message in known}
    if missing:
        await asyncio.gather(*(store.receipts.keep(instance_id, i, status, event.timestamp) for i in missing))
        known += await store.messages.sent_as(organization_id, instance_id, sorted(missing))
        known += await _recognise(event, missing - {str(message.wa_id) for message in known}, context)
    moved = await asyncio.gather(*(store.messages.advance(m.id, status, event.timestamp) for m in known))
    await context.publish(*(status_changed(message, event) for message in moved if message))


async def apply_early_receipts(message: MessageRecord, context: Context) -> MessageRecord:
    """The receipts that came before the message had its WhatsApp id."""
    if not message.wa_id or not (early := await context.store.receipts.of(message.instance_id, message.wa_id)):
        return message
    return await context.store.messages.advance(message.id, furthest(early), context.now()) or message


async def _recognise(event: ReceiptReceived, wa_ids: set[str], context: Context) -> list[MessageRecord]:
    """A crash hid WhatsApp's id of a send: a receipt from its receiver, when it fits only one, tells it."""
    if len(wa_ids) != 1 or event.sender is None:
        return []
    seen = Sighting(event.organization_id, event.sender, None, event.id, event.at)
    contact_id = await context.store.contacts.only_id(seen)
    if contact_id is None:
        return []
    messages = context.store.messages
    hidden = await messages.only_unconfirmed(event.instance_id, contact_id, event.timestamp)
    if hidden is None:
        return []
    named = await messages.recognise(hidden.id, next(iter(wa_ids)))
    return [named] if named else []


def status_changed(message: MessageRecord, cause: Message, *, repeat: bool = False) -> MessageStatusChanged:
    """One event per message and status; `repeat` makes a new one, for somebody who asks again."""
    key = (cause.id, message.id) if repeat else (message.id,)
    return MessageStatusChanged(
        id=derived_id(*key, message.status.value),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        cause=cause.id,
        message_id=message.id,
        wa_id=message.wa_id,
        status=message.status,
        error=message.error,
        client_id=message.client_id,
    )
