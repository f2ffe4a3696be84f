"""Status of sent messages: accepted, failed, delivered, read. Events may arrive in any order."""

from collections.abc import Iterable, Sequence

from services.router.context import RouterContext
from services.router.handlers.quoted_messages import link_quotes
from services.router.handlers.status_locks import locked_receipts, locked_status
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.status_order import most_advanced
from services.router.store.early_receipts import EarlyReceipt
from services.router.store.message_statuses import Acceptance, ReceiptStep, StatusStep
from services.router.store.receipt_targets import ReceiptQuery
from shared.contracts.errors import Reject
from shared.contracts.events import MessageFailed, MessageSent, MessageStatusChanged, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.background import run_together


async def on_sent(event: MessageSent, context: RouterContext) -> None:
    """The WhatsApp id is set first: a receipt handler that does not find it saves the receipt, which is read next.

    `sent` is published before the receipts are applied: the status it has when the event is delivered again would be
    that of the receipts, and nobody would hear of `sent`.
    """
    acceptance = Acceptance(event.organization_id, event.message_id, event.wa_id, event.timestamp)
    async with (
        locked_receipts(event.organization_id, [event.wa_id], context),
        locked_status([event.message_id], context),
    ):
        message = await context.store.statuses.accept(acceptance)
        if message is None:
            raise Reject(f"no message {event.message_id} is known")
        await context.publish(status_changed_event(message, event))
        early = await context.store.early_arrivals.of_message(event.instance_id, event.wa_id)
        await link_quotes([(reply, message) for reply in early.replies], context)
        advanced = await _apply(early.receipts, message, context)
        if advanced.status is not message.status:
            await context.publish(status_changed_event(advanced, event))


async def on_failed(event: MessageFailed, context: RouterContext) -> None:
    known = await context.store.messages.by_id(event.message_id)
    if known is None or known.organization_id != event.organization_id:
        raise Reject(f"no message {event.message_id} is known")
    status = MessageStatus.UNCONFIRMED if event.unconfirmed else MessageStatus.FAILED
    step = StatusStep(event.message_id, status, event.at, f"{event.code}: {event.detail}")
    async with locked_status([event.message_id], context):
        message = await context.store.statuses.advance(step)
        await context.publish(status_changed_event(message or known, event))


async def on_receipt(event: ReceiptReceived, context: RouterContext) -> None:
    """A receipt often arrives while its message is being accepted, and waits for that."""
    async with locked_receipts(event.organization_id, event.wa_ids, context):
        moved = await _advance(event, MessageStatus(event.status), context)
        async with locked_status([message.id for message in moved], context):
            await context.publish(*(status_changed_event(message, event) for message in moved))


async def _advance(event: ReceiptReceived, status: MessageStatus, context: RouterContext) -> list[MessageRecord]:
    """The messages as they are then. A receipt whose message has no WhatsApp id yet is saved; then its message is
    searched once more."""
    store = context.store
    if message := await _advance_at_once(event, status, context):
        return [message]
    known = await _messages_of(event, event.wa_ids, context)
    if missing := set(event.wa_ids) - {str(message.wa_id) for message in known}:
        early = EarlyReceipt(status, tuple(event.sender.aliases) if event.sender else ())
        await run_together(*(store.early_receipts.save(event.instance_id, i, early, event.timestamp) for i in missing))
        known += await _messages_of(event, missing, context)
        known += await _guess_unconfirmed(event, missing - {str(message.wa_id) for message in known}, context)
    moved = await run_together(*(store.statuses.advance(StatusStep(m.id, status, event.timestamp)) for m in known))
    return [message for message in moved if message]


async def _advance_at_once(
    event: ReceiptReceived, status: MessageStatus, context: RouterContext
) -> MessageRecord | None:
    """In one round trip, for one message of a contact whose addresses this process knows. None: nothing was changed."""
    if len(event.wa_ids) != 1 or event.sender is None:
        return None
    observation = ContactObservation(event.organization_id, event.sender, None, event.id, event.at)
    contact = context.store.recent_contacts.find(observation)
    if contact is None:
        return None
    place = (event.organization_id, event.instance_id, event.wa_ids[0], tuple(contact["aliases"]))
    return await context.store.statuses.advance_by_receipt(ReceiptStep(*place, status, event.timestamp))


async def apply_early_receipts(message: MessageRecord, context: RouterContext) -> MessageRecord:
    """Apply receipts that arrived before the message had its WhatsApp id. Returns the message then."""
    if not message.wa_id:
        return message
    return await _apply(
        await context.store.early_receipts.of_message(message.instance_id, message.wa_id), message, context
    )


async def _apply(early: Sequence[EarlyReceipt], message: MessageRecord, context: RouterContext) -> MessageRecord:
    place = (message.organization_id, message.instance_id, (str(message.wa_id),))
    queries = [ReceiptQuery(*place, receipt.sender) for receipt in early]
    found = await run_together(*(context.store.receipt_targets.find(query) for query in queries))
    own = [any(one.id == message.id for one in messages) for messages in found]
    theirs = [receipt.status for receipt, is_own in zip(early, own, strict=True) if is_own]
    if not theirs:
        return message
    step = StatusStep(message.id, most_advanced(theirs), context.now())
    return await context.store.statuses.advance(step) or message


async def _messages_of(event: ReceiptReceived, wa_ids: Iterable[str], context: RouterContext) -> list[MessageRecord]:
    """Sent messages with these ids whose recipient sent the receipt."""
    sender = tuple(event.sender.aliases) if event.sender else ()
    query = ReceiptQuery(event.organization_id, event.instance_id, tuple(wa_ids), sender)
    return await context.store.receipt_targets.find(query)


async def _guess_unconfirmed(event: ReceiptReceived, wa_ids: set[str], context: RouterContext) -> list[MessageRecord]:
    """A crash hid the WhatsApp id of a send: a receipt of its recipient tells it, when only one send is possible."""
    if len(wa_ids) != 1 or event.sender is None:
        return []
    observation = ContactObservation(event.organization_id, event.sender, None, event.id, event.at)
    contact_id = await context.store.contacts.only_id(observation)
    if contact_id is None:
        return []
    hidden = await context.store.messages.only_unconfirmed(event.instance_id, contact_id, event.at)
    if hidden is None:
        return []
    named = await context.store.statuses.guess_wa_id(hidden.id, next(iter(wa_ids)))
    return [named] if named else []


def status_changed_event(message: MessageRecord, cause: Message, *, repeat: bool = False) -> MessageStatusChanged:
    """One event for each message and status; `repeat`: a new one, for a command that is repeated."""
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
        conversation_id=message.conversation_id,
    )
