"""Messages that are about others: which one an answer means, and edits and revokes, which change it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from services.router.context import RouterContext
from services.router.rules.classification import REVISION_TYPES, MessageClassification, address_of, classify
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.revisions import MessageChange
from services.router.rules.target_message import is_author, select_target
from shared.contracts.errors import Retry
from shared.contracts.events import MessageReceived, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord

REVISION_BEFORE_MESSAGE_GRACE = timedelta(minutes=1)
"""So long an edit or revoke may overtake its message; older messages are from before the account was linked."""


async def find_target(
    event: MessageReceived, classification: MessageClassification, contact_id: str | None, context: RouterContext
) -> MessageRecord | None:
    """The message that this one is about; None when it is about none, or about one that is not known."""
    if event.quoted_wa_id is None:
        return None
    candidates = await context.store.revisions.by_wa_id(event.instance_id, event.quoted_wa_id)
    return select_target(candidates, event, classification, contact_id)


async def with_quoted_message(
    message: MessageRecord,
    event: MessageReceived,
    classification: MessageClassification,
    context: RouterContext,
    beside: Sequence[MessageRecord] = (),
) -> MessageRecord:
    """The message with the id of the one it is about. `beside`: messages that are being stored together with it."""
    target = await find_target(event, classification, message.contact_id, context)
    if target is None:
        named = [one for one in beside if (one.instance_id, one.wa_id) == (event.instance_id, event.quoted_wa_id)]
        target = select_target(named, event, classification, message.contact_id)
    return message.model_copy(update={"quoted_message_id": target.id}) if target else message


async def apply_if_revision(event: MessageReceived, context: RouterContext) -> bool:
    """True: the event was an edit or revoke and nothing is left to do. False: it is a message of its own; so is an edit
    of a message that is not known here, for its text would be lost. Raises Retry while that may still be on its way."""
    if event.type not in REVISION_TYPES:
        return False
    profile = await context.store.instances.profile(event.organization_id)
    classification = classify(event, profile.aliases)
    contact_id = await _contact_of(event, classification, context)
    target = await find_target(event, classification, contact_id, context)
    if target is None:
        if event.quoted_wa_id and context.now() - event.at < REVISION_BEFORE_MESSAGE_GRACE:
            raise Retry("the message that was edited or revoked is not known yet")
        return event.type != "edit" or event.unreadable
    await _change(target, event, context)
    return True


async def _contact_of(
    event: MessageReceived, classification: MessageClassification, context: RouterContext
) -> str | None:
    if classification.party is None:
        return None
    observation = ContactObservation(event.organization_id, classification.party, None, event.id, event.at)
    return await context.store.contacts.only_id(observation)


async def _change(target: MessageRecord, event: MessageReceived, context: RouterContext) -> None:
    kind: Literal["edited", "revoked"] = "revoked" if event.type == "revoke" else "edited"
    by = None if is_author(target, event) else address_of(event.sender)
    change = MessageChange(event.id, kind, event.at, event.timestamp, event.text, event.unreadable, by)
    message = await context.store.revisions.apply(target.id, change)
    if message.conversation_id and not await context.store.conversations.update_last_message(message):
        raise Retry("the message is not shown yet, or its contact was merged into another just now")
    revised = MessageRevised(
        id=derived_id(event.id, "changed"),
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        cause=event.id,
        message=message,
        change=kind,
    )
    await context.publish(revised)
