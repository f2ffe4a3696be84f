"""Deduplication of sends: which message a command means, and whether it is the same command again."""

from datetime import datetime
from typing import NamedTuple

from services.router.context import RouterContext
from services.router.rules.contact_identity import ContactObservation
from services.router.rules.send_checks import idempotency_conflict, parse_recipient, send_fingerprint
from services.router.store.client_ids import CLIENT_ID_RETENTION
from shared.contracts.commands import SEND_EXPIRY, SendMessage
from shared.contracts.ids import NO_INSTANCE, derived_id
from shared.contracts.records import MessageRecord


class SendRecord(MessageRecord):
    """The stored record; events and responses have the fields of MessageRecord only. `command_id`: of the command that
    made the message."""

    fingerprint: str
    expires_at: datetime
    command_id: str


async def with_claimed_id(command: SendMessage, context: RouterContext) -> SendMessage:
    """The command with the id of the message that has its sender's client id, claimed within 24 hours."""
    if command.by is None or command.client_id is None:
        return command
    former = await _of_earlier_version(command, context)
    sender = (command.organization_id, command.by)
    message_id = former.id if former else command.message_id
    message_id = await context.store.client_ids.claim(sender, command.client_id, message_id, command.at)
    return command.model_copy(update={"message_id": message_id})


class EarlierSend(NamedTuple):
    """expires_at: a repetition does not prolong it. is_redelivery: the same command made the message."""

    expires_at: datetime
    is_redelivery: bool


async def require_same_send(command: SendMessage, existing: MessageRecord, context: RouterContext) -> EarlierSend:
    """Raises Problem 422 when a command with another content made the message."""
    if existing.organization_id != command.organization_id or existing.origin != "api":
        raise idempotency_conflict()
    made_by = await context.store.messages.command_of(existing.id)
    kept = made_by.fingerprint
    same = kept == send_fingerprint(command)
    if not same and not (kept is None and await _matches_without_fingerprint(command, existing, context)):
        raise idempotency_conflict()
    expires_at = made_by.expires_at or existing.timestamp + SEND_EXPIRY
    return EarlierSend(expires_at, made_by.command_id == command.id)


async def _of_earlier_version(command: SendMessage, context: RouterContext) -> MessageRecord | None:
    """The message of a version that derived its id from the client id: a send may be repeated while Switchboard is
    updated."""
    former = await context.store.messages.by_id(derived_id(command.organization_id, "socket", str(command.client_id)))
    if (
        former is None
        or former.organization_id != command.organization_id
        or command.at - former.timestamp > CLIENT_ID_RETENTION
    ):
        return None
    return former if await _matches_without_fingerprint(command, former, context) else None


async def _matches_without_fingerprint(command: SendMessage, existing: MessageRecord, context: RouterContext) -> bool:
    """Compares text and recipient with a message that was recorded before fingerprints were kept."""
    if existing.text != command.text or command.instance_id not in (NO_INSTANCE, existing.instance_id):
        return False
    if command.conversation_id is not None:
        # a conversation that does not exist was merged into the one the message is in now
        found = await context.store.conversations.by_id(command.organization_id, command.conversation_id)
        return command.conversation_id == existing.conversation_id or found is None
    party = parse_recipient(command.to or "")
    if existing.to_address in party.addresses:
        return True
    observation = ContactObservation(command.organization_id, party, None, command.id, command.at)
    return existing.contact_id is not None and await context.store.contacts.only_id(observation) == existing.contact_id
