"""Commands of users about conversations: mark read, assign, close, reopen. Repeatable, in any order."""

from datetime import timedelta

from services.router.context import RouterContext
from services.router.handlers.read_receipts import send_read_receipts
from services.router.handlers.rejections import rejecting_with_event
from services.router.store.conversation_state import (
    Assignment,
    Closing,
    ConversationChanges,
    read_changes,
    read_marks,
    seen_order_key,
)
from services.router.store.messages import IdentifiedMessage
from shared.contracts.commands import AssignConversation, ChangeConversation, ExpectedAssignee, MarkConversationRead
from shared.contracts.errors import Problem, Retry
from shared.contracts.events import ConversationUpdated, MessagesReadElsewhere
from shared.contracts.ids import derived_id
from shared.contracts.message import Command, Message
from shared.contracts.records import ConversationRecord, ConversationStatus, MessageRecord

READ_BEFORE_MESSAGE_GRACE = timedelta(minutes=1)
"""Grace period in which a read mark may arrive before its message; messages that are still unknown then were received
before the account was linked."""


async def on_mark_read(command: MarkConversationRead, context: RouterContext) -> None:
    """Messages after `seen` stay unread; for the others read receipts are sent."""
    async with rejecting_with_event(command, context):
        read = seen_order_key(command.seen, command.at)
        if found := await context.store.conversations.by_id(command.organization_id, command.conversation_id):
            await send_read_receipts(command, found, read, context)
        await _apply(command, command.conversation_id, read_changes(read), context)


async def on_read_elsewhere(event: MessagesReadElsewhere, context: RouterContext) -> None:
    """The owner's phone has sent the read receipts. Raises Retry while one of the messages may still arrive."""
    store = context.store
    named = await store.messages.received_by_wa_ids(event.organization_id, event.instance_id, event.wa_ids)
    messages = [one.message for one in named if await _is_in_chat(one, event, context)]
    marks = read_marks(messages)
    for conversation_id, read in marks.items():
        if found := await store.conversations.apply(event.organization_id, conversation_id, read_changes(read)):
            await context.publish(_updated_event(found, event, found.id))
    if {message.wa_id for message in messages} != set(
        event.wa_ids
    ) and context.now() - event.at < READ_BEFORE_MESSAGE_GRACE:
        raise Retry("a message that was read on the phone is not known yet")


async def _is_in_chat(named: IdentifiedMessage, event: MessagesReadElsewhere, context: RouterContext) -> bool:
    """Whether the message is in the chat that was read; events of an earlier version do not name the chat."""
    if event.group or named.message.group:
        return event.group in (None, named.message.group) and event.chat is None
    if event.chat is None or not set(named.other_party).isdisjoint(event.chat.aliases):
        return True
    chat = await context.store.contact_aliases.related(event.organization_id, event.chat.aliases)
    return not set(named.other_party).isdisjoint(chat)


async def on_assign_conversation(command: AssignConversation, context: RouterContext) -> None:
    """Rejected when the organization has no such user."""
    async with rejecting_with_event(command, context):
        if command.user_id is not None and not await context.store.instances.has_user(
            command.organization_id, command.user_id
        ):
            raise Problem(422, "assignee_unknown", "user_id: there is no such user in this organization")
        assignment: Assignment = {"at": command.at, "id": command.id, "by": command.by, "to": command.user_id}
        if command.expected_assignee is None:
            await _apply(command, command.conversation_id, {"assignment": assignment}, context)
        else:
            await _apply_if(command.expected_assignee, command, {"assignment": assignment}, context)


async def on_change_conversation(command: ChangeConversation, context: RouterContext) -> None:
    """Closed until the contact writes something that the user who closed it had not seen."""
    closing: Closing = {
        "at": command.at,
        "id": command.id,
        "by": command.by,
        "closed": command.status is ConversationStatus.CLOSED,
        "seen_key": seen_order_key(command.seen, command.at),
    }
    async with rejecting_with_event(command, context):
        if command.expected_status is None:
            await _apply(command, command.conversation_id, {"closing": closing}, context)
        else:
            await _apply_if(command.expected_status, command, {"closing": closing}, context)


async def publish_reopened(message: MessageRecord, cause: Message, context: RouterContext) -> None:
    """Publish the conversation when this message reopened it."""
    if message.conversation_id and (opened := await context.store.conversations.reopened_by(message)):
        await context.publish(_updated_event(opened, cause))


async def _apply(command: Command, conversation_id: str, changes: ConversationChanges, context: RouterContext) -> None:
    found = await context.store.conversations.apply(command.organization_id, conversation_id, changes)
    if found is None:
        raise _unknown_conversation()
    await context.publish(_updated_event(found, command))


async def _apply_if(
    expected: ExpectedAssignee | ConversationStatus,
    command: AssignConversation | ChangeConversation,
    changes: ConversationChanges,
    context: RouterContext,
) -> None:
    """Of two commands that expect the same and come at the same moment, the second is refused."""
    result = await context.store.conversations.apply_if(
        command.organization_id, command.conversation_id, expected, changes, command.id
    )
    if result is None:
        raise _unknown_conversation()
    conversation, is_done = result
    if not is_done:
        detail = "somebody else changed the conversation meanwhile; look at it, and decide again"
        raise Problem(409, "conversation_changed", detail, conversation=conversation.model_dump(mode="json"))
    await context.publish(_updated_event(conversation, command))


def _unknown_conversation() -> Problem:
    return Problem(404, "conversation_not_found", "there is no such conversation in this organization")


def _updated_event(conversation: ConversationRecord, cause: Message, *which: str) -> ConversationUpdated:
    """`which`: of several that have one cause."""
    return ConversationUpdated(
        id=derived_id(cause.id, "conversation", *which),
        organization_id=conversation.organization_id,
        instance_id=conversation.instance_id,
        cause=cause.id,
        conversation=conversation,
    )
