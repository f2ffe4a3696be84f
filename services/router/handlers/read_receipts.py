"""Sends read receipts for messages that a user has read."""

from collections import defaultdict

from services.router.context import RouterContext
from services.router.store.conversation_state import StoredConversation
from shared.contracts.commands import MarkConversationRead, MarkRead
from shared.contracts.ids import derived_id
from shared.contracts.message_type import MessageType

MAX_READ_RECEIPTS = 100
"""Messages for which receipts are sent, the newest; phones mark older ones as read by themselves."""


async def send_read_receipts(
    command: MarkConversationRead, conversation: StoredConversation, mark: int, context: RouterContext
) -> None:
    """For what the contact wrote up to this order key, since the last receipts. Called before the read mark is stored:
    a crash in between repeats it, and sending a read receipt twice is harmless."""
    messages = await context.store.messages.inbound_between(
        conversation["_id"], conversation.get("ticked_key"), mark, MAX_READ_RECEIPTS
    )
    contact = await context.store.contacts.by_id(command.organization_id, conversation["contact_id"])
    if not messages or contact is None or not (contact.phone_number or contact.lid):
        return
    by_group: dict[str | None, list[str]] = defaultdict(list)
    for message in messages:
        # the `wa_id` of a missed call is that of the call; WhatsApp has no read receipts for calls
        if message.wa_id and message.type is not MessageType.MISSED_CALL:
            by_group[message.group].append(message.wa_id)
    receipts = (
        MarkRead(
            id=derived_id(command.id, "ticks", group or ""),
            organization_id=command.organization_id,
            instance_id=conversation["instance_id"],
            cause=command.id,
            wa_ids=tuple(wa_ids),
            sender=contact.party,
            group=group,
        )
        for group, wa_ids in by_group.items()
    )
    await context.publish(*receipts)
