"""A command to send that may be a repetition: which message it means, and whether it is the same command again."""

from datetime import datetime

from services.router.context import RouterContext
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.send_checks import idempotency_conflict, parse_recipient, send_fingerprint
from services.router.store.client_ids import CLIENT_ID_RETENTION
from shared.contracts.commands import SEND_EXPIRY, SendMessage
from shared.contracts.ids import NO_INSTANCE, derived_id
from shared.contracts.records import MessageRecord


class SendRecord(MessageRecord):
    """As the store keeps it; events and answers show the fields of MessageRecord."""

    fingerprint: str
    expires_at: datetime


async def with_claimed_id(command: SendMessage, context: RouterContext) -> SendMessage:
    """The command, with the id of the message its sender's client id led to within the last day."""
    if command.by is None or command.client_id is None:
        return command
    former = await _of_version_before(command, context)
    sender = (command.organization_id, command.by)
    wanted = former.id if former else command.message_id
    message_id = await context.store.client_ids.claim(sender, command.client_id, wanted, command.at)
    return command.model_copy(update={"message_id": message_id})


async def require_same_send(command: SendMessage, existing: MessageRecord, context: RouterContext) -> datetime:
    """When the message expires: a repetition does not prolong it. Raises Problem 422 when it was made by another
    command."""
    if existing.organization_id != command.organization_id or existing.origin != "api":
        raise idempotency_conflict()
    made_by = await context.store.messages.command_of(existing.id)
    kept = made_by.get("fingerprint")
    same = kept == send_fingerprint(command)
    if not same and not (kept is None and await _same_as_far_as_known(command, existing, context)):
        raise idempotency_conflict()
    expires_at: datetime = made_by.get("expires_at") or existing.timestamp + SEND_EXPIRY
    return expires_at


async def _of_version_before(command: SendMessage, context: RouterContext) -> MessageRecord | None:
    """The version before derived the message's id from the client id. Whoever repeats a send while Switchboard is
    updated means that message."""
    former = await context.store.messages.by_id(derived_id(command.organization_id, "socket", str(command.client_id)))
    if (
        former is None
        or former.organization_id != command.organization_id
        or command.at - former.timestamp > CLIENT_ID_RETENTION
    ):
        return None
    return former if await _same_as_far_as_known(command, former, context) else None


async def _same_as_far_as_known(command: SendMessage, existing: MessageRecord, context: RouterContext) -> bool:
    """Of a message recorded before fingerprints were kept: text and recipient."""
    if existing.text != command.text or command.instance_id not in (NO_INSTANCE, existing.instance_id):
        return False
    if command.conversation_id is not None:
        # a conversation that has gone was merged into the one the message is in now
        found = await context.store.conversations.by_id(command.organization_id, command.conversation_id)
        return command.conversation_id == existing.conversation_id or found is None
    party = parse_recipient(command.to or "")
    if existing.to_address in (party.phone, f"{party.lid}@lid"):
        return True
    observation = ContactObservation(command.organization_id, party, None, command.id, command.at)
    return existing.contact_id is not None and await context.store.contacts.only_id(observation) == existing.contact_id
