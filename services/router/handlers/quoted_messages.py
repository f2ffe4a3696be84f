"""Links a message to the one it quotes when both are handled at the same moment, or in the wrong order.

Each of both is stored first and looks for the other then, so at least one of them finds the other.
"""

from collections.abc import Sequence

from services.router.context import RouterContext
from services.router.rules.classification import MessageClassification
from services.router.rules.target_message import is_target_of, select_target
from shared.contracts.events import MessageReceived, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord


async def with_late_target(
    stored: MessageRecord, event: MessageReceived, classification: MessageClassification, context: RouterContext
) -> MessageRecord:
    """The stored message with the id of the one it quotes, when that was stored after this message was planned."""
    if stored.quoted_wa_id is None or stored.quoted_message_id is not None or event.quoted_wa_id is None:
        return stored
    candidates = await context.store.revisions.by_wa_id(event.instance_id, event.quoted_wa_id)
    target = select_target(candidates, event, classification, stored.contact_id)
    return await context.store.revisions.set_quoted_message(stored.id, target.id) if target else stored


async def publish_resolved_quotes(targets: Sequence[MessageRecord], context: RouterContext) -> None:
    """Link messages that were stored before the one of these that they quote. Repeatable: publishes the same events."""
    by_name = {(target.instance_id, str(target.wa_id)): target for target in targets if target.wa_id is not None}
    unresolved = await context.store.revisions.unresolved_quotes(by_name)
    await link_quotes([(reply, by_name[reply.instance_id, str(reply.quoted_wa_id)]) for reply in unresolved], context)


async def link_quotes(replies: Sequence[tuple[MessageRecord, MessageRecord]], context: RouterContext) -> None:
    """Link each reply to the message that it may quote. Repeatable: publishes the same events."""
    events = []
    for reply, target in replies:
        if is_target_of(target, reply):
            linked = await context.store.revisions.set_quoted_message(reply.id, target.id)
            if linked.quoted_message_id == target.id:
                events.append(_quote_found(linked, target))
    if events:
        await context.publish(*events)


def _quote_found(reply: MessageRecord, target: MessageRecord) -> MessageRevised:
    return MessageRevised(
        id=derived_id(reply.id, "quote"),
        organization_id=reply.organization_id,
        instance_id=reply.instance_id,
        cause=target.id,
        message=reply,
        change="quote_found",
    )
