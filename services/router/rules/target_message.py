"""Which message a reply, reaction, edit or revoke is about. Pure.

WhatsApp's id of a message is chosen by its sender, so messages of several people may have the same one. A target is
therefore also identified by its chat and, where only the author may change it, by its author.
"""

from collections.abc import Sequence

from services.router.rules.classification import REVISION_TYPES, MessageClassification
from shared.contracts.addresses import is_lid_address
from shared.contracts.events import MessageReceived
from shared.contracts.records import MessageRecord, Party


def select_target(
    candidates: Sequence[MessageRecord],
    event: MessageReceived,
    classification: MessageClassification,
    contact_id: str | None,
) -> MessageRecord | None:
    """`candidates`: all messages of the account that have the WhatsApp id which the event names.

    None when there is none in the chat of the event or, for edits and revokes, none of its author. The admin of a group
    deletes what the author named in the event wrote.
    """
    found = [one for one in candidates if _is_in_chat(one, event, classification, contact_id)]
    if event.by_admin:
        found = [one for one in found if event.quoted_sender is None or _may_be_by(one, event.quoted_sender)]
    elif event.type in REVISION_TYPES:
        return next((one for one in found if is_author(one, event)), None)
    if event.quoted_sender is not None and len(found) > 1:
        named = [one for one in found if _is_written_by(one, event.quoted_sender, event, classification)]
        return next(iter(named), None)
    return next(iter(found), None)


def is_target_of(target: MessageRecord, reply: MessageRecord) -> bool:
    """Whether a stored reply that names the target's WhatsApp id is about it: both are in one chat. The event of the
    reply, which may name an author, is not kept; ids of two messages of one chat differ in practice."""
    if reply.type in REVISION_TYPES or reply.id == target.id or reply.quoted_wa_id != target.wa_id:
        return False
    if (reply.instance_id, reply.kind, reply.group) != (target.instance_id, target.kind, target.group):
        return False
    if reply.group or reply.kind == "note":
        return True
    same_contact = reply.contact_id is not None and reply.contact_id == target.contact_id
    return same_contact or _other(reply) == _other(target)


def _other(message: MessageRecord) -> str:
    """The address of the contact, in a chat with one."""
    return message.to_address if message.direction == "outbound" else message.from_address


def _is_in_chat(
    message: MessageRecord, event: MessageReceived, classification: MessageClassification, contact_id: str | None
) -> bool:
    if event.group or message.group:
        return message.group == event.group
    if classification.party is None:
        return message.kind == "note"
    if contact_id is not None and message.contact_id == contact_id:
        return True
    return message.kind == "message" and _other(message) in classification.party.addresses


def is_author(message: MessageRecord, event: MessageReceived) -> bool:
    if message.direction != ("outbound" if event.from_me else "inbound"):
        return False
    return event.from_me or event.group is None or message.from_address in event.sender.addresses


def _may_be_by(message: MessageRecord, author: Party) -> bool:
    """Unless both are known by addresses of one kind, and these differ. Our own message may be named by a LID that is
    not in the record."""
    if message.direction == "outbound":
        return True
    same_kind = [each for each in author.addresses if is_lid_address(each) == is_lid_address(message.from_address)]
    return not same_kind or message.from_address in same_kind


def _is_written_by(
    message: MessageRecord, author: Party, event: MessageReceived, classification: MessageClassification
) -> bool:
    if event.group:
        return message.from_address in author.addresses
    other = classification.party or event.sender
    by_contact = not set(author.addresses).isdisjoint(other.addresses)
    return message.direction == ("inbound" if by_contact else "outbound")
