"""An answer and the message it names are handled at the same moment, or in the wrong order: the later one names it.

Each of both is stored first and looks for the other then, so at least one of them finds the other.
"""

from collections.abc import Sequence

from services.router.context import RouterContext
from services.router.handlers.message_revisions import find_target
from services.router.rules.classification import MessageClassification
from services.router.rules.target_message import is_target_of
from shared.contracts.events import MessageReceived, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord


async def with_late_quoted_message(
    stored: MessageRecord, event: MessageReceived, classification: MessageClassification, context: RouterContext
) -> MessageRecord:
    """The stored message with the id of the one it is about, when that was stored meanwhile."""
    if stored.quoted_wa_id is None or stored.quoted_message_id is not None:
        return stored
    target = await find_target(event, classification, stored.contact_id, context)
    return await context.store.revisions.set_quoted_message(stored.id, target.id) if target else stored


async def publish_resolved_quotes(targets: Sequence[MessageRecord], context: RouterContext) -> None:
    """The same for messages stored before that are about one of these. Repeatable: tells the same events again."""
    by_name = {(target.instance_id, str(target.wa_id)): target for target in targets if target.wa_id is not None}
    found = await context.store.revisions.unresolved_quotes(by_name)
    events = []
    for answer in found:
        target = by_name[answer.instance_id, str(answer.quoted_wa_id)]
        if is_target_of(target, answer):
            named = await context.store.revisions.set_quoted_message(answer.id, target.id)
            if named.quoted_message_id == target.id:
                events.append(_told(named, target))
    if events:
        await context.publish(*events)


def _told(answer: MessageRecord, target: MessageRecord) -> MessageRevised:
    return MessageRevised(
        id=derived_id(answer.id, "quote"),
        organization_id=answer.organization_id,
        instance_id=answer.instance_id,
        cause=target.id,
        message=answer,
        change="quote_found",
    )
