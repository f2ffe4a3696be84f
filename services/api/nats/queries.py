"""Which query is answered by which REST read."""

from dataclasses import replace
from typing import Any

from services.api.compat import chat, named_sessions, single_account
from services.api.compat.chat_schemas import MessagesBetweenParameters
from services.api.nats.query_handlers import QueryHandler
from services.api.routes import (
    admin,
    api_keys,
    audit,
    bookings,
    contacts_and_messages,
    conversations,
    instances,
    organization,
    users,
)
from services.api.views.booking_list import BookingFilter
from services.api.views.conversation_list import ConversationFilter
from services.api.views.message_search import MessageFilter
from services.api.views.pagination import PageRequest
from shared.contracts import queries as q
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Query
from shared.contracts.principal import Principal


def _caller(question: Query) -> Principal:
    """NATS permissions said already what the asker may see: its scopes are all."""
    return Principal(organization_id=question.organization_id, subject="bus")


def _page(question: q.PagedQuery) -> PageRequest:
    return PageRequest(question.limit, question.cursor)


def _instance(question: Query) -> str | None:
    return None if question.instance_id == NO_INSTANCE else question.instance_id


def _filter(question: q.ListConversations) -> ConversationFilter:
    chosen = ConversationFilter(question.status, question.assigned_to, question.unread, question.search)
    return replace(chosen, contact_ids=question.contact_id)


def _messages(question: q.ListMessages) -> MessageFilter:
    return MessageFilter(question.kind, question.search, question.stuck, question.conversation_id)


def _numbers(question: q.MessagesBetween) -> MessagesBetweenParameters:
    return MessagesBetweenParameters.model_validate(
        question.model_dump() | {"from": question.one, "to": question.other}
    )


QUERY_HANDLERS: tuple[QueryHandler[Any], ...] = (
    QueryHandler(q.ReadOrganization, organization.organization, lambda c, a: organization.organization(c, _caller(a))),
    QueryHandler(q.ListUsers, users.list_users, lambda c, a: users.list_users(c, _caller(a))),
    QueryHandler(q.ReadUser, users.read_user, lambda c, a: users.read_user(c, _caller(a), a.user_id)),
    QueryHandler(
        q.ListAudit, audit.list_audit, lambda c, a: audit.list_audit(c, _caller(a), _page(a), a.actor, a.action)
    ),
    QueryHandler(q.ListInvitations, users.list_invitations, lambda c, a: users.list_invitations(c, _caller(a))),
    QueryHandler(q.ListApiKeys, api_keys.list_keys, lambda c, a: api_keys.list_keys(c, _caller(a))),
    QueryHandler(
        q.ListInstances, instances.list_instances, lambda c, a: instances.list_instances(c, _caller(a), _page(a))
    ),
    QueryHandler(
        q.ReadInstance, instances.read_instance, lambda c, a: instances.read_instance(c, _caller(a), a.instance_id)
    ),
    QueryHandler(
        q.ReadInstanceStatus, instances.read_status, lambda c, a: instances.read_status(c, _caller(a), a.instance_id)
    ),
    QueryHandler(q.ReadCurrentQr, instances.read_qr, lambda c, a: instances.read_qr(c, _caller(a), a.instance_id)),
    QueryHandler(
        q.ReadCurrentPairingCode,
        instances.read_pairing_code,
        lambda c, a: instances.read_pairing_code(c, _caller(a), a.instance_id),
    ),
    QueryHandler(q.ListShownCodes, instances.shown_codes, lambda c, a: instances.shown_codes(c, _caller(a))),
    QueryHandler(
        q.ReadSession, named_sessions.read_session, lambda c, a: named_sessions.read_session(c, _caller(a), a.name)
    ),
    QueryHandler(
        q.RequestQr,
        chat.qr,
        lambda c, a: chat.qr(c, _caller(a), a.force_new, _instance(a), a.network),
        is_slow=True,
    ),
    QueryHandler(
        q.ReadDefaultInstance, single_account.status, lambda c, a: single_account.default_account_status(c, _caller(a))
    ),
    QueryHandler(
        q.ListContacts,
        contacts_and_messages.list_contacts,
        lambda c, a: contacts_and_messages.list_contacts(c, _caller(a), _page(a), a.search, a.sort),
    ),
    QueryHandler(
        q.ReadContact,
        contacts_and_messages.read_contact,
        lambda c, a: contacts_and_messages.read_contact(c, _caller(a), a.contact_id),
    ),
    QueryHandler(
        q.ListConversations,
        conversations.list_conversations,
        lambda c, a: conversations.list_conversations(c, _caller(a), _page(a), _filter(a), _instance(a)),
    ),
    QueryHandler(
        q.CountConversations,
        conversations.count_conversations,
        lambda c, a: conversations.counted(c, _caller(a), a.assigned_to, _instance(a)),
    ),
    QueryHandler(
        q.ReadConversation,
        conversations.read_conversation,
        lambda c, a: conversations.read_conversation(c, _caller(a), a.conversation_id),
    ),
    QueryHandler(
        q.ListConversationMessages,
        conversations.list_messages,
        lambda c, a: conversations.list_messages(c, _caller(a), _page(a), a.conversation_id, a.around),
    ),
    QueryHandler(
        q.ListMessages,
        contacts_and_messages.list_all_messages,
        lambda c, a: contacts_and_messages.list_all_messages(c, _caller(a), _page(a), _messages(a)),
    ),
    QueryHandler(q.MessagesBetween, chat.between, lambda c, a: chat.between(c, _caller(a), _numbers(a))),
    QueryHandler(
        q.ReadMessage,
        contacts_and_messages.read_message,
        lambda c, a: contacts_and_messages.read_message(c, _caller(a), a.message_id),
    ),
    QueryHandler(
        q.ListBookings,
        bookings.list_bookings,
        lambda c, a: bookings.list_bookings(c, _caller(a), _page(a), BookingFilter(a.status, a.search)),
    ),
    QueryHandler(q.CountBookings, bookings.count_bookings, lambda c, a: bookings.count_bookings(c, _caller(a))),
    QueryHandler(q.ReadBooking, bookings.read_booking, lambda c, a: bookings.read_booking(c, _caller(a), a.booking_id)),
    QueryHandler(q.ReadQueueStats, admin.queue_stats, lambda c, a: admin.queue_stats(c, _caller(a))),
    QueryHandler(
        q.ListDeadLetters, admin.list_dead_letters, lambda c, a: admin.list_dead_letters(c, _caller(a), _page(a))
    ),
    QueryHandler(
        q.ReadDeadLetter, admin.read_dead_letter, lambda c, a: admin.read_dead_letter(c, _caller(a), a.sequence)
    ),
)
"""A new read of the REST API gets its class in shared/contracts/queries.py and its line here."""
