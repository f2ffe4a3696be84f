"""Who wrote a message sees that it was read: once somebody here looked at it."""

from collections import defaultdict

from services.router.context import RouterContext
from shared.contracts.commands import MarkConversationRead, MarkRead
from shared.contracts.ids import derived_id
from shared.contracts.records import Party
from shared.platform.mongo import Document

MISSED_CALL = "missed_call"
"""The type of a line whose `wa_id` is that of a call; WhatsApp knows no ticks for calls."""
MAX_READ_RECEIPTS = 100
"""Messages that get their ticks at once, the newest: phones mark what is older by themselves."""


async def send_read_receipts(
    command: MarkConversationRead, conversation: Document, mark: int, context: RouterContext
) -> None:
    """For what the contact wrote up to this order key and got no ticks for. Before the mark is kept: what a crash
    leaves undone is then done by the redelivery, and ticks that are given twice are given once."""
    messages = await context.store.messages.inbound_between(
        conversation["_id"], conversation.get("ticked_key"), mark, MAX_READ_RECEIPTS
    )
    contact = await context.store.contacts.by_id(command.organization_id, conversation["contact_id"])
    if not messages or contact is None or not (contact.phone_number or contact.lid):
        return
    by_group: dict[str | None, list[str]] = defaultdict(list)
    for message in messages:
        if message.wa_id and message.type != MISSED_CALL:
            by_group[message.group].append(message.wa_id)
    ticks = (
        MarkRead(
            id=derived_id(command.id, "ticks", group or ""),
            organization_id=command.organization_id,
            instance_id=conversation["instance_id"],
            cause=command.id,
            wa_ids=tuple(wa_ids),
            sender=Party(phone=contact.phone_number, lid=contact.lid),
            group=group,
        )
        for group, wa_ids in by_group.items()
    )
    await context.publish(*ticks)
