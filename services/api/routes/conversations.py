"""Conversations: what is unread, who takes care of it, what is done with."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from services.api.answers import Listed, One, listed
from services.api.context import Context, Ctx, LimitedReader, LimitedSender, Paging
from services.api.fields import Body
from services.api.routes.people import Search
from services.api.views import conversations as views
from services.api.views import records
from services.api.views.conversations import Conversation, Filter
from shared.auth import Principal
from shared.commands import AssignConversation, ChangeConversation, MarkConversationRead
from shared.errors import Problem
from shared.events import ConversationUpdated
from shared.message import Command
from shared.records import ConversationStatus, MessageRecord

router = APIRouter(prefix="/api/conversations", tags=["contacts and conversations"])

LIMIT = 10.0
"""Seconds to wait for the router."""
UserId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Assignment(Body):
    """`user_id`: one of /api/users, `me`, or null for nobody."""

    user_id: UserId | None


def _filter(
    status: ConversationStatus | None = None,
    assigned_to: Annotated[str | None, Query(max_length=64, description="User id, or `me`")] = None,
    unread: bool | None = None,
    search: Search = None,
) -> Filter:
    return Filter(status, assigned_to, unread, search)


Filtered = Annotated[Filter, Depends(_filter)]


@router.get("")
async def list_conversations(
    context: Ctx,
    caller: LimitedReader,
    page: Paging,
    chosen: Filtered,
    instance_id: Annotated[str | None, Query(max_length=64)] = None,
) -> Listed[Conversation]:
    """The liveliest first, of one instance or all. A search looks at the 1,000 liveliest contacts that match."""
    wanted, allowed = frozenset({instance_id}) if instance_id else None, caller.instance_ids
    both = wanted & allowed if wanted is not None and allowed is not None else wanted or allowed
    to = caller.subject if chosen.assigned_to == "me" else chosen.assigned_to
    chosen = replace(chosen, instance_ids=both, assigned_to=to)
    return listed(await views.conversations(context.database, caller.organization_id, page, chosen))


@router.get("/{conversation_id}")
async def read_conversation(context: Ctx, caller: LimitedReader, conversation_id: str) -> One[Conversation]:
    """One conversation."""
    return One(
        data=await views.conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    )


@router.get("/{conversation_id}/messages")
async def list_messages(
    context: Ctx, caller: LimitedReader, page: Paging, conversation_id: str
) -> Listed[MessageRecord]:
    """Its messages and notes, newest first."""
    await views.conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    return listed(await records.messages(context.database, caller.organization_id, conversation_id, page))


@router.post("/{conversation_id}/read")
async def mark_read(context: Ctx, caller: LimitedSender, conversation_id: str) -> One[Conversation]:
    """Nothing that is there now is unread any more, for everybody."""
    found = await views.conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    command = MarkConversationRead(
        organization_id=found.organization_id,
        instance_id=found.instance_id,
        conversation_id=found.id,
        seen=views.seen_of(found),
        by=caller.subject,
    )
    return await _done(context, command)


@router.post("/{conversation_id}/assign")
async def assign(context: Ctx, caller: LimitedSender, conversation_id: str, body: Assignment) -> One[Conversation]:
    """From now on this user takes care of it. 422 `assignee_unknown`: not a user of the organization."""
    found = await views.conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    command = AssignConversation(
        organization_id=found.organization_id,
        instance_id=found.instance_id,
        conversation_id=found.id,
        user_id=caller.subject if body.user_id == "me" else body.user_id,
        by=caller.subject,
    )
    return await _done(context, command)


@router.post("/{conversation_id}/close")
async def close(context: Ctx, caller: LimitedSender, conversation_id: str) -> One[Conversation]:
    """Done with until the contact writes again."""
    return await _change(context, caller, conversation_id, ConversationStatus.CLOSED)


@router.post("/{conversation_id}/reopen")
async def reopen(context: Ctx, caller: LimitedSender, conversation_id: str) -> One[Conversation]:
    """Not done with yet."""
    return await _change(context, caller, conversation_id, ConversationStatus.OPEN)


async def _change(
    context: Context, caller: Principal, conversation_id: str, status: ConversationStatus
) -> One[Conversation]:
    found = await views.conversation(context.database, caller.organization_id, conversation_id, caller.instance_ids)
    command = ChangeConversation(
        organization_id=found.organization_id,
        instance_id=found.instance_id,
        conversation_id=found.id,
        status=status,
        seen=views.seen_of(found),
        by=caller.subject,
    )
    return await _done(context, command)


async def _done(context: Context, command: Command) -> One[Conversation]:
    event = await context.dispatcher.issue(command, ConversationUpdated, timeout=LIMIT)
    if not isinstance(event, ConversationUpdated):
        detail = "the change was taken on and is not done yet; look at the conversation again"
        raise Problem(504, "no_answer_yet", detail)
    return One(data=await views.with_contact(context.database, event.conversation))
