"""Conversations: list, read, assign, close."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from services.api.context import ApiContext, Ctx, LimitedReader, LimitedSender, Paging
from services.api.dependencies import depends_on
from services.api.nats.served_on_nats import OPTIONAL_ID_FIELD, SEARCH_FIELD, answers, served_on_nats
from services.api.request_fields import Id, InstanceParameter, RequestBody
from services.api.responses import Item, Page, page_of
from services.api.router_commands import execute_on_router
from services.api.routes.contacts_and_messages import ContactSearch
from services.api.views import conversation_list as views
from services.api.views import conversation_messages, counts
from services.api.views.conversation_list import Conversation, ConversationFilter
from services.api.views.counts import ConversationCounts
from shared.contracts.commands import (
    AssignConversation,
    ChangeConversation,
    ExpectedAssignee,
    MarkConversationRead,
)
from shared.contracts.events import ConversationUpdated
from shared.contracts.message import Command
from shared.contracts.principal import Principal
from shared.contracts.queries import AnyId, ReadConversation
from shared.contracts.records import ConversationStatus, MessageRecord

router = APIRouter(prefix="/api/conversations", tags=["contacts and conversations"])

UserId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
MAX_CONTACT_IDS = 200
_LIST_FIELDS = {
    "search": SEARCH_FIELD,
    "assigned_to": (Annotated[Id | None, Field(description="User id, or `none`")], None),
    "contact_id": (
        Annotated[tuple[AnyId, ...], Field(max_length=MAX_CONTACT_IDS, description="With these contacts")],
        (),
    ),
}
"""A query on NATS has no user, so `me` is not allowed there; and its list of contacts is never null."""


class AssignmentBody(RequestBody):
    """`user_id`: one of /api/users, `me`, or null to unassign. With `expected_assigned_to` (a user id, `me`, or null
    for nobody) nothing is changed when the conversation is assigned to another user."""

    user_id: UserId | None
    expected_assigned_to: UserId | None = None

    def expected_assignee(self, caller: Principal) -> ExpectedAssignee | None:
        """None when the body does not name one."""
        if "expected_assigned_to" not in self.model_fields_set:
            return None
        return ExpectedAssignee(user_id=_user_id(self.expected_assigned_to, caller))


class StatusBody(RequestBody):
    """With `expected_status` nothing is changed when the conversation has another status."""

    expected_status: ConversationStatus | None = None


def _user_id(user_id: str | None, caller: Principal) -> str | None:
    return caller.subject if user_id == "me" else user_id


def _filter(
    status: ConversationStatus | None = None,
    assigned_to: Annotated[
        str | None, Query(max_length=64, description="User id, `me`, or `none`: assigned to nobody")
    ] = None,
    unread: bool | None = None,
    search: ContactSearch = None,
    contact_id: Annotated[list[Id] | None, Query(max_length=MAX_CONTACT_IDS, description="With these contacts")] = None,
) -> ConversationFilter:
    return ConversationFilter(status, assigned_to, unread, search, contact_ids=tuple(contact_id or ()))


ConversationFilterParameters = Annotated[ConversationFilter, depends_on(_filter)]


@router.get("")
@served_on_nats("wa.query.conversation.list", "ListConversations", fields=_LIST_FIELDS)
async def list_conversations(
    context: Ctx,
    caller: LimitedReader,
    page: Paging,
    filters: ConversationFilterParameters,
    instance_id: InstanceParameter = None,
) -> Page[Conversation]:
    """Those with the newest message first, of one instance or all."""
    assigned_to = _user_id(filters.assigned_to, caller)
    filters = replace(filters, instance_ids=caller.accessible(instance_id), assigned_to=assigned_to)
    return page_of(await views.find_conversations(context.database, caller.organization_id, page, filters))


@router.get("/counts")
async def count_conversations(
    context: Ctx, caller: LimitedReader, instance_id: InstanceParameter = None
) -> Item[ConversationCounts]:
    """The number of all open, unread, own, unassigned and closed conversations, of one instance or all."""
    return await counted(context, caller, caller.subject, instance_id)


@served_on_nats("wa.query.conversation.counts", "CountConversations")
async def counted(
    context: Ctx, caller: LimitedReader, assigned_to: Id | None = None, instance_id: InstanceParameter = None
) -> Item[ConversationCounts]:
    """The number of open, unread, unassigned and closed conversations, and of those assigned to `assigned_to` (`mine`,
    0 without it)."""
    instance_ids = caller.accessible(instance_id)
    return Item(
        data=await counts.count_conversations(context.database, caller.organization_id, assigned_to, instance_ids)
    )


@router.get("/{conversation_id}")
@answers(ReadConversation)
async def read_conversation(context: Ctx, caller: LimitedReader, conversation_id: str) -> Item[Conversation]:
    """One conversation."""
    return Item(
        data=await views.get_conversation(
            context.database, caller.organization_id, conversation_id, caller.instance_ids
        )
    )


class MessagesPage(Page[MessageRecord]):
    """`newer_cursor` is null on the page with the newest message."""

    newer_cursor: str | None = None


@router.get("/{conversation_id}/messages")
@served_on_nats("wa.query.conversation.messages", "ListConversationMessages", fields={"around": OPTIONAL_ID_FIELD})
async def list_messages(
    context: Ctx,
    caller: LimitedReader,
    page: Paging,
    conversation_id: str,
    around: Annotated[
        Id | None, Query(description="Id of a message in the middle of the page; instead of a cursor")
    ] = None,
) -> MessagesPage:
    """Messages and notes, newest first. Continue with `cursor`: `next_cursor` for older ones, `newer_cursor` for newer
    ones. 404 `message_not_found`: the conversation has no message `around`."""
    await views.get_conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    window = await conversation_messages.read_window(
        context.database, caller.organization_id, conversation_id, page, around
    )
    return MessagesPage(data=window.messages, next_cursor=window.next_cursor, newer_cursor=window.newer_cursor)


@router.post("/{conversation_id}/read")
@served_on_nats("wa.command.conversation.mark-read", "MarkConversationReadRequest", is_slow=True)
async def mark_read(context: Ctx, caller: LimitedSender, conversation_id: str) -> Item[Conversation]:
    """Mark all current messages as read, for all users."""
    conversation = await views.get_conversation(
        context.database, caller.organization_id, conversation_id, caller.instance_ids
    )
    command = MarkConversationRead(
        organization_id=conversation.organization_id,
        instance_id=conversation.instance_id,
        conversation_id=conversation.id,
        seen=views.seen_of(conversation),
        by=caller.subject,
    )
    return await _execute(context, command)


@router.post("/{conversation_id}/assign")
@served_on_nats(
    "wa.command.conversation.hand-over",
    "AssignConversationRequest",
    is_slow=True,
    note="A request on NATS has no user: name the assignee by id, not as `me`.",
)
async def assign(context: Ctx, caller: LimitedSender, conversation_id: str, body: AssignmentBody) -> Item[Conversation]:
    """Assign it to a user. 422 `assignee_unknown`: not a user of the organization. 409 `conversation_changed`, with
    `conversation`: it is assigned to another user than the expected one."""
    conversation = await views.get_conversation(
        context.database, caller.organization_id, conversation_id, caller.instance_ids
    )
    command = AssignConversation(
        organization_id=conversation.organization_id,
        instance_id=conversation.instance_id,
        conversation_id=conversation.id,
        user_id=_user_id(body.user_id, caller),
        expected_assignee=body.expected_assignee(caller),
        by=caller.subject,
    )
    return await _execute(context, command)


@router.post("/{conversation_id}/close")
@served_on_nats("wa.command.conversation.close", "CloseConversationRequest", is_slow=True)
async def close(
    context: Ctx, caller: LimitedSender, conversation_id: str, body: StatusBody | None = None
) -> Item[Conversation]:
    """Close it until the contact writes again. 409 `conversation_changed`, with `conversation`: it has another status
    than the expected one."""
    expected = body.expected_status if body else None
    return await _change_status(context, caller, conversation_id, ConversationStatus.CLOSED, expected)


@router.post("/{conversation_id}/reopen")
@served_on_nats("wa.command.conversation.reopen", "ReopenConversationRequest", is_slow=True)
async def reopen(
    context: Ctx, caller: LimitedSender, conversation_id: str, body: StatusBody | None = None
) -> Item[Conversation]:
    """Open it again. 409 `conversation_changed`, with `conversation`: it has another status than the
    expected one."""
    expected = body.expected_status if body else None
    return await _change_status(context, caller, conversation_id, ConversationStatus.OPEN, expected)


async def _change_status(
    context: ApiContext,
    caller: Principal,
    conversation_id: str,
    status: ConversationStatus,
    expected: ConversationStatus | None,
) -> Item[Conversation]:
    conversation = await views.get_conversation(
        context.database, caller.organization_id, conversation_id, caller.instance_ids
    )
    command = ChangeConversation(
        organization_id=conversation.organization_id,
        instance_id=conversation.instance_id,
        conversation_id=conversation.id,
        status=status,
        expected_status=expected,
        seen=views.seen_of(conversation),
        by=caller.subject,
    )
    return await _execute(context, command)


async def _execute(context: ApiContext, command: Command) -> Item[Conversation]:
    pending = "the change was taken on and is not done yet; look at the conversation again"
    event = await execute_on_router(context, command, ConversationUpdated, pending)
    return Item(data=await views.with_contact(context.database, event.conversation))
