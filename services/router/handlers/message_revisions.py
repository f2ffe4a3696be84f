"""Messages that are about others: which one an answer means, and edits and revokes, which change it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from services.router.context import Context
from services.router.rules.classification import CHANGES, Filing, address_of, file_message
from services.router.rules.contact_identity import Sighting
from services.router.rules.revisions import Change
from services.router.rules.target_message import is_author, target_among
from shared.contracts.errors import Retry
from shared.contracts.events import MessageReceived, MessageRevised
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord

OVERTAKEN = timedelta(minutes=1)
"""So long an edit or revoke may overtake its message; older messages are from before the account was linked."""


async def find_target(
    event: MessageReceived, filing: Filing, contact_id: str | None, context: Context
) -> MessageRecord | None:
    """The message that this one is about; None when it is about none, or about one that is not known."""
    if event.quoted_wa_id is None:
        return None
    candidates = await context.store.revisions.named(event.instance_id, event.quoted_wa_id)
    return target_among(candidates, event, filing, contact_id)


async def name_target(
    message: MessageRecord,
    event: MessageReceived,
    filing: Filing,
    context: Context,
    beside: Sequence[MessageRecord] = (),
) -> MessageRecord:
    """The message with the id of the one it is about. `beside`: messages that are being stored together with it."""
    target = await find_target(event, filing, message.contact_id, context)
    if target is None:
        named = [one for one in beside if (one.instance_id, one.wa_id) == (event.instance_id, event.quoted_wa_id)]
        target = target_among(named, event, filing, message.contact_id)
    return message.model_copy(update={"quoted_message_id": target.id}) if target else message


async def is_done_as_change(event: MessageReceived, context: Context) -> bool:
    """True: the event was an edit or revoke and nothing is left to do. False: it is a message of its own; so is an edit
    of a message that is not known here, for its text would be lost. Raises Retry while that may still be on its way."""
    if event.type not in CHANGES:
        return False
    owner = await context.store.accounts.owner(event.organization_id)
    filing = file_message(event, owner.aliases)
    contact_id = await _contact_of(event, filing, context)
    target = await find_target(event, filing, contact_id, context)
    if target is None:
        if event.quoted_wa_id and context.now() - event.at < OVERTAKEN:
            raise Retry("the message that was edited or revoked is not known yet")
        return event.type != "edit" or event.unreadable
    await _change(target, event, context)
    return True


async def _contact_of(event: MessageReceived, filing: Filing, context: Context) -> str | None:
    if filing.party is None:
        return None
    seen = Sighting(event.organization_id, filing.party, None, event.id, event.at)
    return await context.store.contacts.only_id(seen)


async def _change(target: MessageRecord, event: MessageReceived, context: Context) -> None:
    kind: Literal["edited", "revoked"] = "revoked" if event.type == "revoke" else "edited"
    by = None if is_author(target, event) else address_of(event.sender)
    change = Change(event.id, kind, event.at, event.timestamp, event.text, event.unreadable, by)
    message = await context.store.revisions.change(target.id, change)
    if message.conversation_id and not await context.store.conversations.show_revised(message):
        raise Retry("the message is not shown yet, or its contact was merged into another just now")
    told = MessageRevised(
        id=derived_id(event.id, "changed"),
        organization_id=event.organization_id,
        instance_id=event.instance_id,
        cause=event.id,
        message=message,
        change=kind,
    )
    await context.publish(told)
